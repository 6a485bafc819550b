import { ppoll } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, readTextIfThere } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";

/** What `cgroup.events` tells of a cgroup and all below it. */
export interface CgroupEvents {
  /** A live process is in there (zombies don't count). */
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

/**
 * Waits until the cgroup's events are as `done` wants them, at most so many milliseconds.
 * Returns whether they are; a cgroup that is gone counts as done. @throws SyscallError
 */
export function waitForEvents(
  directory: string,
  done: (events: CgroupEvents) => boolean,
  milliseconds: number,
): boolean {
  const deadline = performance.now() + milliseconds;
  for (let pause = 0.1; ; pause = Math.min(pause * 2, 5)) {
    const events = readEvents(directory);
    if (events === null || done(events)) return true;
    if (performance.now() >= deadline) return false;
    sleep(pause);
  }
}

/** Blocks this thread: ppoll(2) of nothing. */
export function sleep(milliseconds: number): void {
  here(ppoll(new Uint8Array(0), milliseconds));
}
