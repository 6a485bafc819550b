import { CWD, close, openat, openatInherited, pidfdOpen, readlinkat } from "../kernel/calls.ts";
import { O_DIRECTORY, O_PATH, O_RDONLY } from "../kernel/constants.ts";
import { ERRNO, errnoName, errnoText } from "../kernel/errno.ts";
import { isErrno, readLink, readText } from "../kernel/files.ts";
import { attempt, here } from "../kernel/here.ts";
import { type Join, NAMESPACES } from "../linux/namespaces.ts";
import { Failure } from "./failure.ts";
import { isAlive } from "./process-info.ts";
import type { SavedCgroup, SavedInit } from "./store.ts";

/** What another process needs to enter a container, as descriptors. */
export interface Target {
  /** The namespaces in which the init isn't tsrun's neighbour: a join by its pidfd, and one of its cgroup namespace. */
  readonly joins: readonly Join[];
  /** The directory to be born in; null without a cgroup, and where `admit` is the way into it. */
  readonly cgroup: number | null;
  /** Moves the stage into the cgroup, where its user's systemd alone may. */
  readonly admit: ((stage: number) => void) | null;
  /** Whether one of the namespaces is a user namespace. */
  readonly hasUserNamespace: boolean;
  /** The init's root when it has one of its own in a shared mount namespace. */
  readonly root: number | null;
}

type Identified = Pick<SavedInit, "pid" | "startTime">;

/** Opens the container of an init. `below` names a cgroup below the container's. @throws Failure */
export async function openTarget(
  init: Identified,
  saved: SavedCgroup | null,
  below: string | undefined = undefined,
): Promise<Target> {
  const target = openNamespacesOf(init);
  if (saved === null) return target;
  if (saved.unit?.manager !== "user") return { ...target, cgroup: openCgroup(init.pid, saved, below) };
  const { admit } = await import("./scope.ts");
  const directory = below === undefined ? cgroupOf(init.pid, saved) : saved.path + below;
  return { ...target, admit: (stage) => admit(saved, directory, stage) };
}

/**
 * The same, but for the cgroup. The init is identified after all was found by its pid: that was the pid of another
 * process at no moment in between, whose namespaces might be tsrun's. @throws Failure
 */
export function openNamespacesOf(init: Identified): Target {
  const pidfd = attempt(pidfdOpen(init.pid));
  if (pidfd < 0) throw hasJustEnded();
  try {
    const target = findTarget(init.pid, pidfd);
    if (isAlive(init.pid, init.startTime)) return target;
  } catch (error) {
    if (!isErrno(error, ERRNO.ENOENT, ERRNO.ESRCH, ERRNO.EACCES) || !isEnding(init)) throw error;
  }
  throw hasJustEnded();
}

/** Whether an init has ended, or is about to: it leaves its namespaces first, and then waits for all others in there. */
export function isEnding({ pid, startTime }: Identified): boolean {
  return (
    attempt(readlinkat(CWD, `/proc/${pid}/ns/net`, new Uint8Array(64))) === -ERRNO.ENOENT ||
    !isAlive(pid, startTime)
  );
}

const hasJustEnded = () => new Failure("cannot enter the container: its init has just ended");

function findTarget(pid: number, pidfd: number): Target {
  const foreign = NAMESPACES.filter(
    ({ file }) => readLink(`/proc/${pid}/ns/${file}`) !== readLink(`/proc/self/ns/${file}`),
  );
  const where = "container's namespaces";
  const joins: Join[] = [];
  let flags = 0;
  for (const { type, flag, file } of foreign) {
    if (type !== "cgroup")
      flags += flag; // that one is joined later than the others
    else joins.push({ type, flag, fd: here(openat(CWD, `/proc/${pid}/ns/${file}`, O_RDONLY)), where });
  }
  const sharesMounts = foreign.every(({ type }) => type !== "mount");
  if (flags === 0) here(close(pidfd));
  else joins.unshift({ type: "pid", flag: flags, fd: pidfd, where });
  return {
    joins,
    hasUserNamespace: foreign.some(({ type }) => type === "user"),
    cgroup: null,
    admit: null,
    root: sharesMounts ? here(openatInherited(CWD, `/proc/${pid}/root`, O_PATH | O_DIRECTORY)) : null,
  };
}

/** Closes this process's descriptors of a container that an agent has entered. */
export function closeTarget({ joins, cgroup, root }: Target): void {
  for (const { fd } of joins) here(close(fd));
  for (const fd of [cgroup, root]) if (fd !== null) here(close(fd));
}

function openCgroup(pid: number, saved: SavedCgroup, below: string | undefined): number {
  if (below === undefined) return here(openat(CWD, cgroupOf(pid, saved), O_PATH | O_DIRECTORY));
  const fd = attempt(openat(CWD, saved.path + below, O_PATH | O_DIRECTORY));
  if (fd >= 0) return fd;
  throw new Failure(
    `--cgroup ${below}: the container has no such cgroup: ${saved.path + below}: ${errnoName(-fd)} (${errnoText(-fd)})`,
  );
}

/**
 * The cgroup that the init is in: it may have moved itself below the container's, which then can have no
 * processes itself when it has controllers ("no internal processes", cgroups(7)).
 */
function cgroupOf(pid: number, { mount, path }: SavedCgroup): string {
  const line = readText(`/proc/${pid}/cgroup`)
    .split("\n")
    .find((entry) => entry.startsWith("0::"));
  const current = `${mount}${line?.slice(3) ?? ""}`;
  return current.startsWith(`${path}/`) ? current : path;
}
