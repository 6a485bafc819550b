import type { Caller } from "../../agent/caller.ts";
import { CWD, close, openat, readlinkat } from "../../kernel/calls.ts";
import { CLONE_NEWUSER, O_DIRECTORY, O_PATH, O_RDONLY } from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { isErrno, readLink, readText } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { Opened } from "../../kernel/opened.ts";
import { UserError } from "../../kernel/user-error.ts";
import { readEvents, readIfThere } from "../../linux/cgroups/events.ts";
import { type Join, NAMESPACES, type NamespacePlan, openUserNamespace } from "../../linux/namespaces.ts";
import { isAlive, openProcess } from "../state/process-info.ts";
import type { SavedCgroup, SavedInit } from "../state/saved.ts";

/** A container's namespaces and cgroup as descriptors, for another process to join. */
export interface ContainerNamespaces extends NamespacePlan {
  /**
   * Namespaces of the init that differ from the caller's, joined through its pidfd; the cgroup and the user namespace
   * separately.
   */
  readonly joins: readonly Join[];
  /** The cgroup directory for clone3(2); null without a cgroup, or if `moveStage` moves the stage instead. */
  readonly cgroup: number | null;
  /** Moves the stage into the cgroup, where only the user's systemd is allowed to. */
  readonly moveStage: ((stage: number) => Promise<void>) | null;
  /** Whether one of the namespaces is a user namespace. */
  readonly hasUserNamespace: boolean;
  /** The init's root when it has one of its own in a shared mount namespace. */
  readonly root: number | null;
  /** The init's mount namespace, for a process that joins it later than the others; else null. */
  readonly mounts: number | null;
}

type Identified = Pick<SavedInit, "pid" | "startTime" | "userNamespace">;

/** How another process is to enter a container, and which of its cgroups. */
interface Choice {
  /** A cgroup below the container's; undefined for the container's own. */
  readonly below?: string | undefined;
  /** Whether it may be frozen: then the process waits in it until it is thawed. */
  readonly frozen?: boolean;
  /** Whether the process joins the mount namespace later, by itself. */
  readonly mountsLater?: boolean;
}

/** Opens the namespaces and the cgroup of an init's container. @throws UserError */
export async function openContainer(
  caller: Caller,
  init: Identified,
  saved: SavedCgroup | null,
  { below, frozen = false, mountsLater = false }: Choice = {},
): Promise<ContainerNamespaces> {
  if (saved === null) return openNamespacesOf(caller, init, mountsLater);
  const directory = below === undefined ? cgroupFor(init.pid, saved) : saved.path + below;
  // A process born in a frozen cgroup would never run, and we would wait for it for ever.
  if (!frozen && readEvents(directory)?.frozen)
    throw new UserError(
      `the cgroup ${directory} is frozen: write 0 to its cgroup.freeze, or to that of one above it`,
    );
  const cgroup = saved.unit?.manager === "user" ? null : openCgroup(directory, below);
  using opened = new Opened();
  if (cgroup !== null) opened.defer(() => here(close(cgroup)));
  const namespaces = openNamespacesOf(caller, init, mountsLater);
  opened.move();
  if (cgroup !== null) return { ...namespaces, cgroup };
  const { moveIntoScope } = await import("../cgroup/scope.ts");
  return { ...namespaces, moveStage: (stage) => moveIntoScope(caller, saved, directory, stage) };
}

/**
 * The same without the cgroup. Everything is found by the init's pid, and the init's identity is checked afterwards:
 * if the pid had been reused meanwhile, these might be the host's namespaces. @throws UserError
 */
export function openNamespacesOf(caller: Caller, init: Identified, mountsLater = false): ContainerNamespaces {
  using opened = new Opened();
  const pidfd = openProcess(init.pid);
  if (pidfd === null) throw hasJustEnded();
  opened.defer(() => here(close(pidfd)));
  try {
    const namespaces = findNamespaces(caller, init, { pidfd, mountsLater }, opened);
    if (isAlive(init.pid, init.startTime)) {
      opened.move();
      if (namespaces.joins.every(({ fd }) => fd !== pidfd)) here(close(pidfd));
      return namespaces;
    }
  } catch (error) {
    if (!isErrno(error, ERRNO.ENOENT, ERRNO.ESRCH, ERRNO.EACCES) || !isEnding(init)) throw error;
  }
  throw hasJustEnded();
}

/** Whether an init has ended, or is about to: it first leaves its namespaces, then waits for the processes in them. */
export function isEnding({ pid, startTime }: Identified): boolean {
  return (
    attempt(readlinkat(CWD, `/proc/${pid}/ns/net`, new Uint8Array(64))) === -ERRNO.ENOENT ||
    !isAlive(pid, startTime)
  );
}

const hasJustEnded = () => new UserError("cannot enter the container: its init has just ended");

function findNamespaces(
  caller: Caller,
  { pid, userNamespace }: Identified,
  { pidfd, mountsLater }: { readonly pidfd: number; readonly mountsLater: boolean },
  opened: Opened,
): ContainerNamespaces {
  const open = (fd: number) => {
    opened.defer(() => here(close(fd)));
    return fd;
  };
  const foreign = NAMESPACES.filter(
    ({ type, file }) => type !== "user" && readLink(`/proc/${pid}/ns/${file}`) !== caller.namespace(file),
  );
  const where = "container's namespaces";
  const joins: Join[] = [];
  let flags = 0;
  let mounts: number | null = null;
  for (const { type, flag, file } of foreign) {
    const namespace = () => open(here(openat(CWD, `/proc/${pid}/ns/${file}`, O_RDONLY)));
    if (type === "cgroup")
      joins.push({ type, flag, fd: namespace(), where }); // it is joined later than the others
    else if (type === "mount" && mountsLater) mounts = namespace();
    else flags += flag;
  }
  const sharesMounts = foreign.every(({ type }) => type !== "mount");
  if (flags !== 0) joins.unshift({ type: "pid", flag: flags, fd: pidfd, where });
  const user = openUserNamespace(caller, pid, userNamespace);
  if (user !== null) {
    open(user);
    const join: Join = { type: "user", flag: CLONE_NEWUSER, fd: user, where };
    // Root joins it last, or it could not join the others. An ordinary user joins it first, to be allowed the others.
    if (caller.uid === 0) joins.push(join);
    else joins.unshift(join);
  }
  return {
    created: new Set(),
    joins,
    hasUserNamespace: user !== null,
    cgroup: null,
    moveStage: null,
    root: sharesMounts && !mountsLater ? here(openat(CWD, `/proc/${pid}/root`, O_PATH | O_DIRECTORY)) : null,
    mounts,
  };
}

/** Closes this process's descriptors of a container that an agent has entered. */
export function closeContainer({ joins, cgroup, root, mounts }: ContainerNamespaces): void {
  for (const { fd } of joins) here(close(fd));
  for (const fd of [cgroup, root, mounts]) if (fd !== null) here(close(fd));
}

function openCgroup(directory: string, below: string | undefined): number {
  if (below === undefined) return here(openat(CWD, directory, O_PATH | O_DIRECTORY));
  const fd = attempt(openat(CWD, directory, O_PATH | O_DIRECTORY));
  if (fd >= 0) return fd;
  throw new UserError(
    `--cgroup ${below}`,
    `the container has no such cgroup: ${directory}: ${errnoWords(-fd)}`,
  );
}

/**
 * The container's cgroup, even if its init has moved elsewhere. The init's own cgroup if the container's is gone, or
 * has enabled controllers for its children and so can't have processes itself ("no internal processes", cgroups(7)).
 */
function cgroupFor(pid: number, { mount, path }: SavedCgroup): string {
  if (readIfThere(path, "cgroup.subtree_control")?.trim() === "") return path;
  const line = readText(`/proc/${pid}/cgroup`)
    .split("\n")
    .find((entry) => entry.startsWith("0::"));
  return line === undefined ? path : mount + line.slice(3);
}
