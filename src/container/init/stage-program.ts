/** What a stage does: it joins namespaces and clones the init, and the host agent if there is one. */
import type { Caller } from "../../agent/caller.ts";
import { dieWithTsrun } from "../../agent/life.ts";
import type { Mailbox } from "../../agent/mailbox.ts";
import type { Program } from "../../agent/program.ts";
import type { StepResult } from "../../kernel/call.ts";
import {
  CWD,
  close,
  dup3,
  eventfd2,
  exitGroup,
  openat,
  prctl,
  setns,
  statx,
  unshare,
  write,
} from "../../kernel/calls.ts";
import {
  CLONE_FILES,
  CLONE_INTO_CGROUP,
  CLONE_NEWCGROUP,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_PARENT,
  O_CLOEXEC,
  O_WRONLY,
  PR_SET_DUMPABLE,
  PR_SET_NAME,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { cloneArgs, STATX_SIZE } from "../../kernel/structs.ts";
import { cloneFlags, type Join, type NamespacePlan } from "../../linux/namespaces.ts";

/** Namespaces that are not made by the clone: the init unshares its cgroup namespace, the stage a time namespace. */
const NOT_CLONED: ReadonlySet<string> = new Set(["cgroup", "time"]);

/** Hands down the descriptors that the stage and the init need, and `more`; returns their numbers in the stage. */
export function passTo(
  caller: Caller,
  mailbox: number,
  namespaces: NamespacePlan,
  cgroup: number | null,
  more: readonly number[],
) {
  const { joins } = namespaces;
  const cgroups = cgroup === null ? [] : [cgroup];
  const [box = -1, ...others] = caller.pass([mailbox, ...joins.map(({ fd }) => fd), ...cgroups, ...more]);
  const passed = joins.map((join, index) => ({ ...join, fd: others[index] ?? -1 }));
  return {
    mailbox: box,
    namespaces: { ...namespaces, joins: passed },
    cgroup: cgroup === null ? null : (others[joins.length] ?? -1),
    more: others.slice(joins.length + cgroups.length),
  };
}

/** Keeps these descriptor numbers occupied until execve(2), so that nothing is opened there. */
export function holdPlaces(program: Program, descriptors: readonly number[]): void {
  const one = program.by("--preserve-fds").add(eventfd2(0, O_CLOEXEC));
  // EINVAL: `one` has this number itself. EBADF: it is above the limit of open files, so nothing can be opened there.
  for (const fd of descriptors) program.add(dup3(one, fd, O_CLOEXEC), [ERRNO.EINVAL, ERRNO.EBADF]);
}

/** At so many paths a stage looks: its mailbox has room for some 50 steps. */
const MOST_LOOKS = 24;

/**
 * Has the stage look at paths of the host before tsrun does: on a file system that does not answer it is the stage that
 * waits. tsrun can serve others meanwhile, or give up. Returns the last look.
 */
export function addLooks(program: Program, paths: readonly string[]): StepResult | null {
  let last: StepResult | null = null;
  if (paths.length > 0) program.add(prctl(PR_SET_NAME, "tsrun:stage"));
  for (const path of [...new Set(paths)].slice(0, MOST_LOOKS))
    last = program.add(statx(CWD, path, 0, { room: STATX_SIZE }), "all");
  return last;
}

/**
 * What the stage does before it clones. Returns the step that makes the host agent, while the stage still has its
 * rights.
 */
export function addEntry(
  caller: Caller,
  program: Program,
  namespaces: NamespacePlan,
  host: Mailbox | null,
  look: (stage: Program) => void = () => {},
): StepResult | null {
  const setClocks = namespaces.timeOffsets ? addClocks(program, namespaces.timeOffsets) : null;
  program.by("stage process");
  dieWithTsrun(program);
  // An ordinary user's tsrun could not write the mappings of a process that isn't dumpable.
  const staysDumpable = namespaces.created.has("user") && caller.uid !== 0;
  if (!staysDumpable) program.add(prctl(PR_SET_DUMPABLE, 0));
  look(program);
  const shared = cloneArgs(CLONE_PARENT | CLONE_FILES, 0, 0);
  const hostClone = host === null ? null : program.clone(shared, host.agentAddress);
  addJoins(caller, program, namespaces, false);
  if (namespaces.created.has("time"))
    program.by("config.json: linux.namespaces (time)").add(unshare(CLONE_NEWTIME));
  setClocks?.();
  return hostClone;
}

/** The joins that the stage makes, or those that the init makes itself. */
export function addJoins(caller: Caller, program: Program, namespaces: NamespacePlan, itself: boolean): void {
  for (const join of namespaces.joins) {
    if (joinsItself(caller, join, namespaces) !== itself) continue;
    program.by(join.where).add(setns(join.fd, join.flag));
    program.add(close(join.fd));
  }
}

/**
 * The init itself joins a cgroup namespace. Where cgroup v2 is mounted with nsdelegate, as systemd mounts it, a stage
 * in that namespace could not clone into its cgroups, since it is outside of them itself (cgroups(7)). With a new user
 * namespace the stage has to join it, as namespaces of the host can't be joined from there. The init also joins a user
 * namespace if none of any kind is made: in there, the host's root may lack permission for the container's cgroup.
 */
function joinsItself({ uid }: Caller, { flag }: Join, { created }: NamespacePlan): boolean {
  if (flag === CLONE_NEWUSER) return created.size === 0 && uid === 0;
  return flag === CLONE_NEWCGROUP && !created.has("user");
}

/** The clone that becomes the init, and the stage's end. */
export function addClone(
  program: Program,
  namespaces: NamespacePlan,
  cgroupFd: number | null,
  childMailbox: number,
  more: number,
) {
  program.by(namespaces.created.size > 0 ? "config.json: linux.namespaces" : "a process of the container");
  const created = cloneFlags([...namespaces.created].filter((type) => !NOT_CLONED.has(type)));
  const flags = created + CLONE_PARENT + more + (cgroupFd === null ? 0 : CLONE_INTO_CGROUP);
  const clone = program.clone(cloneArgs(flags, 0, cgroupFd ?? 0), childMailbox);
  program.by("stage process").add(exitGroup(0));
  return clone;
}

/**
 * Opens the stage's file of clock offsets while the stage is dumpable and sees the host's /proc. The returned function
 * adds the write: after the time namespace is made, before a process enters it (time_namespaces(7)).
 */
function addClocks(program: Program, offsets: string): () => void {
  const where = "config.json: linux.timeOffsets";
  const file = program.by(where).add(openat(CWD, "/proc/self/timens_offsets", O_WRONLY));
  return () => {
    program.by(where).add(write(file, new TextEncoder().encode(offsets)));
    program.add(close(file));
  };
}
