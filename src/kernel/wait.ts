/**
 * Waiting for others: for the end of a process, an answer, a lock.
 *
 * A command that serves one container lets the kernel wake it, as that is quicker than any timer; it handles its own
 * signals every 100 ms. A process that serves many (`serveMany`) blocks its thread for at most 2 ms, by which time most
 * waits are over. Then it looks again from the event loop, with pauses that grow with the time waited.
 */
import { ppoll } from "./calls.ts";
import { POLLIN } from "./constants.ts";
import { attempt } from "./here.ts";
import { type Begun, beginSpan } from "./span.ts";
import { pollFd } from "./structs.ts";

/** How long the thread may block at a time, in milliseconds: when a wait begins, and between two pauses. */
interface Pace {
  readonly first: number;
  readonly later: number;
}

const ALONE: Pace = { first: 100, later: 100 };
const AMONG_MANY: Pace = { first: 2, later: 0 };

/** For waits during which the same process does other things, such as relaying a terminal. */
export const NEVER_STILL: Pace = { first: 0, later: 0 };

let usual = ALONE;
/** Whether other commands go on in this process at the moment. */
let hasOthers = () => false;

/** From now on no wait holds up the others of this process; `others` tells whether there are any at the moment. */
export function serveMany(others = () => false): void {
  usual = AMONG_MANY;
  hasOthers = others;
}

export const isAmongOthers = () => hasOthers();

/** Milliseconds of a clock that nobody sets. The first performance.now() of a process costs 0.05 ms. */
const now = () => Bun.nanoseconds() / 1e6;

/** The pauses of the event loop, in milliseconds: this part of the time waited so far, within these bounds. */
const PART = 1 / 8;
const SHORTEST = 1;
const LONGEST = 10;

/** The pauses while the thread is blocked: they double. */
const SHORTEST_NAP = 0.1;
const LONGEST_NAP = 5;

/**
 * Waits until `look` finds something; false if it has not within so many milliseconds. It may block the thread for as
 * long as its argument says.
 */
export async function waitFor<T>(
  look: (still: number) => T | false,
  milliseconds: number,
  { first, later } = usual,
): Promise<T | false> {
  const begin = now();
  let pauses: Begun | null = null;
  try {
    for (let still = first; ; still = later) {
      const left = begin + milliseconds - now();
      const found = look(hasOthers() ? 0 : Math.max(0, Math.min(still, left)));
      const waited = now() - begin;
      if (found !== false || waited >= milliseconds) return found;
      const pause = later > 0 ? 0 : Math.min(LONGEST, Math.max(SHORTEST, waited * PART));
      if (pause > 0) pauses ??= beginSpan("wait", "waits");
      await Bun.sleep(Math.min(pause, milliseconds - waited));
    }
  } finally {
    pauses?.end();
  }
}

// The functions below are not async, as each that is costs a little at its first call.

/** The same without a limit. */
export function waitEndlessly<T>(look: (still: number) => T | false): Promise<T> {
  return waitFor(look, Number.POSITIVE_INFINITY) as Promise<T>; // it has found something when it returns
}

/** Waits for a condition that has to be polled; returns whether it holds within so many milliseconds. */
export function until(condition: () => boolean, milliseconds: number, pace = usual): Promise<boolean> {
  return waitFor((still) => holdsWithin(condition, still), milliseconds, pace);
}

/**
 * Waits until a descriptor can be read or has no writer left, or until the process of a pidfd has ended. Returns
 * whether that is so within so many milliseconds.
 */
export function readable(fd: number, milliseconds: number, pace = usual): Promise<boolean> {
  return waitFor((still) => attempt(ppoll(pollFd(fd, POLLIN), still)) > 0, milliseconds, pace);
}

/** Whether a condition holds within so many milliseconds; blocks the thread. */
export function holdsWithin(condition: () => boolean, milliseconds: number): boolean {
  const deadline = now() + milliseconds;
  for (let nap = SHORTEST_NAP; !condition(); nap = Math.min(nap * 2, LONGEST_NAP)) {
    const left = deadline - now();
    if (left <= 0) return false;
    attempt(ppoll(new Uint8Array(0), Math.min(nap, left)));
  }
  return true;
}
