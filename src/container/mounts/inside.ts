/**
 * A process in a running container's mount namespace, with tsrun's rights over it: it mounts and unmounts, and runs
 * nothing of the container's. It joins no cgroup, so that it works in a paused container, too.
 */
import type { Config } from "../../../runtime-spec/config.ts";
import type { StepResult } from "../../kernel/call.ts";
import { CWD, openat, setsid, umask } from "../../kernel/calls.ts";
import { O_DIRECTORY, O_PATH } from "../../kernel/constants.ts";
import { UserError } from "../../kernel/user-error.ts";
import { propagationOfCopy } from "../../linux/mounts/rootfs.ts";
import { keepsGroups } from "../../linux/process/credentials.ts";
import { unprivilegedGuest } from "../caller/caller.ts";
import { Agent } from "../init/agent.ts";
import { closeContainer, openNamespacesOf } from "../init/container-namespaces.ts";
import { HostCopy } from "../init/host-copy.ts";
import { becomeRoot } from "../process/aspects.ts";
import type { Living } from "../state/saved.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import type { Undo } from "../state/undo.ts";

export interface Inside {
  readonly agent: Agent;
  /** The container's root, opened by the agent. */
  readonly root: StepResult;
  /** Opens what is on the host. */
  readonly host: HostCopy;
  readonly inUserNamespace: boolean;
}

/** Has an agent enter; `undo` ends it. @throws UserError */
export async function enterMounts(directory: StateDirectory, saved: Living, undo: Undo): Promise<Inside> {
  const { caller, id } = directory;
  const { linux, process } = directory.config();
  const namespaces = openNamespacesOf(caller, saved.init, true);
  undo.always(() => closeContainer(namespaces));
  const { mounts, hasUserNamespace } = namespaces;
  if (mounts === null) throw new UserError(`container ${id}`, WITHOUT_OWN);
  const [passed = -1] = caller.pass([mounts]);
  const hasHost = caller.uid === 0 && hasUserNamespace;
  const agent = Agent.start(caller, namespaces, null, { hasHost });
  undo.always(() => agent[Symbol.asyncDispose]());
  const { program } = agent.init;
  program.by("mounts");
  program.add(setsid());
  program.add(umask(0));
  const unprivileged = unprivilegedGuest(caller);
  if (hasUserNamespace) becomeRoot(program, unprivileged, keepsGroups(saved), process?.user);
  const host = await HostCopy.make(agent, propagationOfCopy(linux?.rootfsPropagation));
  program.by("mounts");
  host.leaveFor(passed);
  const root = program.add(openat(CWD, "/", O_PATH | O_DIRECTORY));
  await agent.run();
  return { agent, root, host, inUserNamespace: hasUserNamespace || unprivileged !== null };
}

const WITHOUT_OWN =
  "has no mount namespace of its own: what is mounted in it would be mounted for other processes, too";

/**
 * The container's root directory as a path of the host, to look into before anything is changed. What is found there may
 * change at once: the agent resolves it again.
 */
export const rootOf = ({ init }: Living): string => `/proc/${init.pid}/root`;

/** Refuses a container whose mount namespace is another's. @throws UserError */
export function requireOwnMounts(id: string, { linux }: Config): void {
  const own = linux?.namespaces?.some(({ type, path = "" }) => type === "mount" && path === "");
  if (!own) throw new UserError(`container ${id}`, WITHOUT_OWN);
}
