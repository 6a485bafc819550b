/**
 * What a container's init does between clone3(2) and execve(2), in this order:
 *
 * 1. dies with tsrun from now on; leads a session of its own
 * 2. enters its cgroup namespace: only now, since its root is the cgroup that clone3 put the init into
 * 3. becomes root of its user namespace (tsrun has written the mappings); gets its session keyring and labels,
 *    personality and memory policy
 * 4. mounts: rootfs, `mounts`, devices, sysctls; the terminal, as soon as there is a devpts
 * 5. host name, loopback interface
 *    -- hooks of `create`: they want the host's files, and write to the container's --
 * 6. seals: read-only and masked paths, a read-only root; pivots: no path leads to the host any more, nor
 *    does a standard stream that was the host's null device
 *    -- resource limits of the process: they need tsrun's privileges, and must not hinder what came before --
 * 7. gives the process's user the standard streams; reads /etc/passwd, which an image may keep from that user; becomes
 *    the user, with its capabilities and Landlock's ruleset: from here on it can do no more than the container
 * 8. looks up args[0] with that user's permissions; closes all descriptors; unmaps what it no longer needs
 *    -- parked: `created` --
 * 9. loads its seccomp filter (with a listener: before it is parked); execve(2). See execution.ts
 *
 * Sysctls and mounts need privileges that 7 drops; masked paths must be in place before anything of the image
 * runs; the bounding set must fall before the user changes.
 */

import type { Config } from "../../../runtime-spec/config.ts";
import type { IdMapping } from "../../../runtime-spec/config-linux.ts";
import type { Caller } from "../../agent/caller.ts";
import type { Mailbox } from "../../agent/mailbox.ts";
import { shrink } from "../../agent/mailbox-file.ts";
import type { Program } from "../../agent/program.ts";
import type { StepResult } from "../../kernel/call.ts";
import {
  close,
  closeFrom,
  prctl,
  setdomainname,
  sethostname,
  setsid,
  umask,
  unshare,
} from "../../kernel/calls.ts";
import { CLONE_NEWCGROUP, FIRST_FD, PR_SET_NAME, PR_SET_PDEATHSIG } from "../../kernel/constants.ts";
import { makeDeviceLinks, makeDevices, makesDevices, ownDevices } from "../../linux/devices/devices.ts";
import { directoryInside, names } from "../../linux/inside.ts";
import { maskPaths, protectPaths } from "../../linux/mounts/masked-paths.ts";
import type { OpenOnHost, PreparedMount } from "../../linux/mounts/mount-job.ts";
import { type Mounted, walkTo } from "../../linux/mounts/mounted.ts";
import { addMounts, sealMounts } from "../../linux/mounts/mounts.ts";
import {
  bindRootfs,
  changeRoot,
  type EnterRoot,
  openRootfs,
  pivot,
  protectRoot,
} from "../../linux/mounts/rootfs.ts";
import type { NamespacePlan } from "../../linux/namespaces.ts";
import { bringLoopbackUp } from "../../linux/network.ts";
import { lookUp } from "../../linux/process/executable.ts";
import { findHome } from "../../linux/process/home.ts";
import { reopenDevices } from "../../linux/process/null-streams.ts";
import { giveStreams } from "../../linux/process/streams.ts";
import type { SeccompFilter } from "../../linux/seccomp/filter.ts";
import { filterSize } from "../../linux/seccomp/load.ts";
import { writeSysctls } from "../../linux/sysctl.ts";
import { bindConsole, openTerminal, type Terminal, takeTerminal } from "../../linux/terminal.ts";
import type { Bundle } from "../bundle.ts";
import { addAspects, type Subject } from "../process/aspects.ts";
import { AGENT_NAME } from "./parked.ts";

export interface InitContext {
  readonly subject: Subject;
  readonly bundle: Bundle;
  readonly namespaces: NamespacePlan;
  /** Whether the init lives in a user namespace, even if it is tsrun's own. */
  readonly inUserNamespace: boolean;
  /** Opens a file of the host; null when the init opens it itself. */
  readonly openOnHost: OpenOnHost | null;
  /** What was prepared for some of the mounts, by index. */
  readonly preparedMounts: ReadonlyMap<number, PreparedMount> | null;
  /** Where cgroup v2 is mounted on the host; null if nowhere. */
  readonly cgroups: string | null;
  readonly hostHasKcore: boolean;
  /** Whether a copy of the rootfs covers it, for the container's mounts: see shared-mounts.ts. */
  readonly coversRootfs: boolean;
  /** Mount point of the host that the rootfs lies on, when it must become private; see bindRootfs. */
  readonly privateParent: string | null;
}

/** What steps 1 to 5 have opened. */
interface Opened {
  /** What was mounted; null if there is no mount namespace to mount it in. */
  readonly tree: Tree | null;
  /** Null when the process asks for none. */
  readonly terminal: Terminal | null;
}

/** Steps 1 to 5. */
export function setUp(program: Program, context: InitContext): Opened {
  const { bundle, namespaces } = context;
  const { config } = bundle;
  program.by("container's init");
  program.add(prctl(PR_SET_NAME, AGENT_NAME));
  program.add(setsid());
  program.add(umask(0));
  if (namespaces.created.has("cgroup"))
    program.by("config.json: linux.namespaces (cgroup)").add(unshare(CLONE_NEWCGROUP));
  addAspects(program, "enter", context.subject);
  const tree = namespaces.created.has("mount") || context.coversRootfs ? mountAll(program, context) : null;
  const terminal = bundle.process.terminal ? addTerminal(program, tree?.root ?? null, bundle) : null;
  if (namespaces.created.has("network")) bringLoopbackUp(program);
  if (config.hostname) program.by("config.json: hostname").add(sethostname(config.hostname));
  if (config.domainname) program.by("config.json: domainname").add(setdomainname(config.domainname));
  return { tree, terminal };
}

interface Tree {
  readonly root: StepResult;
  readonly mounted: readonly Mounted[];
}

function mountAll(program: Program, context: InitContext): Tree {
  const { bundle, namespaces, cgroups, inUserNamespace } = context;
  const { config, process, rootfs } = bundle;
  const { linux = {}, mounts = [] } = config;
  const openOnHost = context.openOnHost ?? ((add) => add(program));
  const root = context.coversRootfs
    ? openRootfs(program, rootfs)
    : bindRootfs(program, rootfs, linux.rootfsPropagation, context.privateParent, openOnHost);
  const mounted = addMounts(program, root, {
    bundle: bundle.path,
    rootfs,
    mounts,
    cgroups,
    namespaces,
    inUserNamespace,
    openOnHost,
    prepared: context.preparedMounts,
  });
  if (makesDevices(config)) {
    makeDevices(program, root, config, inUserNamespace ? openOnHost : null);
    makeDeviceLinks(program, root, context.hostHasKcore);
    program.ready();
  }
  program.by("config.json: process.cwd");
  for (const path of pathsThrough(process.cwd)) program.add(close(directoryInside(program, root, path)));
  writeSysctls(program, linux.sysctl ?? {});
  return { root, mounted };
}

/** A path, after those that it leads through and leaves again by "..": the kernel wants them to be there. */
function pathsThrough(path: string): readonly string[] {
  if (!path.includes("..")) return [path];
  const parts = path.split("/");
  const left = parts.flatMap((part, index) => (part === ".." ? [parts.slice(0, index).join("/")] : []));
  return [...left, path];
}

/** The process's terminal. Its /dev/console needs a mount namespace that is the container's alone. */
function addTerminal(program: Program, root: StepResult | null, { process, rootfs }: Bundle): Terminal {
  const terminal = openTerminal(program, root ?? openRootfs(program, rootfs), process);
  if (root !== null) bindConsole(program, root, terminal);
  takeTerminal(program, terminal);
  return terminal;
}

/** Makes read-only and masks what the config says. Earlier hooks find the mounts as they were made, as in runc. */
function seal(program: Program, { root, mounted }: Tree, { root: wanted, linux = {} }: Config): void {
  const walk = (path: string) => walkTo(root, mounted, names(path));
  sealMounts(program, mounted);
  protectPaths(program, walk, linux.readonlyPaths ?? []);
  program.ready();
  maskPaths(program, walk, linux.maskedPaths ?? []);
  if (wanted?.readonly) protectRoot(program, root);
}

/** Step 6. `enterRoot` is `pivot`, except with --no-pivot. */
export function leaveHost(
  program: Program,
  caller: Caller,
  tree: Tree | null,
  bundle: Bundle,
  enterRoot: EnterRoot = pivot,
): void {
  if (tree === null) {
    changeRoot(program, openRootfs(program, bundle.rootfs));
    return;
  }
  seal(program, tree, bundle.config);
  enterRoot(program, tree.root, bundle.config.linux?.rootfsPropagation);
  if (!bundle.process.terminal) reopenDevices(program, caller, ownDevices(bundle.config));
}

interface UserChange {
  /** How many descriptors after the standard streams it keeps. */
  readonly preservedFds: number;
  /** For giving it the standard streams, where tsrun as root may; none for a user namespace that it joins. */
  readonly uidMappings: readonly IdMapping[];
}

/**
 * Step 7 and the look-up of 8, for an init or an `exec`ed process. The host's descriptors are closed first, so that no
 * path in the container can name one.
 */
export function becomeUser(program: Program, subject: Subject, { preservedFds, uidMappings }: UserChange) {
  const { process } = subject;
  program.by("container's init").add(closeFrom(FIRST_FD + preservedFds));
  if (!process.terminal) giveStreams(program, subject.caller.streams, process.user?.uid ?? 0, uidMappings);
  const home = findHome(program, process);
  addAspects(program, "becomeUser", subject);
  return { executable: lookUp(program, process.args, process.env ?? []), home };
}

/**
 * The rest of 8: the agent outlives tsrun from now on, and takes as little memory as it can. A filter with a listener is
 * loaded after that.
 */
export function park(parked: Mailbox, preservedFds: number, filter: SeccompFilter | null): void {
  const { program } = parked;
  program.by("container's init");
  program.add(closeFrom(FIRST_FD + preservedFds));
  program.add(prctl(PR_SET_PDEATHSIG, 0));
  shrink(parked, filter?.listener ? filterSize(filter) : 0);
}
