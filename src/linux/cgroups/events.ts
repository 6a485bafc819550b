import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, readTextIfThere } from "../../kernel/files.ts";
import { until } from "../../kernel/wait.ts";

/** `cgroup.events` of a cgroup, which includes those below it. */
interface CgroupEvents {
  /** Whether there is a live process in it (zombies don't count). */
  readonly populated: boolean;
  readonly frozen: boolean;
}

/** Reads `cgroup.events`; null when there is no such cgroup (any more). @throws SyscallError */
export function readEvents(directory: string): CgroupEvents | null {
  const text = readIfThere(directory, "cgroup.events");
  if (text === null) return null;
  return { populated: text.includes("populated 1"), frozen: text.includes("frozen 1") };
}

/** The text of a cgroup's file; null when the cgroup is gone, also between open(2) and read(2). @throws SyscallError */
export function readIfThere(directory: string, file: string): string | null {
  try {
    return readTextIfThere(`${directory}/${file}`);
  } catch (error) {
    if (isErrno(error, ERRNO.ENODEV)) return null;
    throw error;
  }
}

/** How many processes of a cgroup, and of those below it, the OOM killer has ended; 0 without the memory controller. */
export function oomKillsIn(directory: string): number {
  const events = readIfThere(directory, "memory.events") ?? "";
  return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0);
}

/**
 * Waits until `done` accepts the cgroup's events, at most so many milliseconds. Returns whether it did; a cgroup that
 * is gone counts as done. @throws SyscallError
 */
export function waitForEvents(
  directory: string,
  done: (events: CgroupEvents) => boolean,
  milliseconds: number,
): Promise<boolean> {
  return until(() => {
    const events = readEvents(directory);
    return events === null || done(events);
  }, milliseconds);
}
