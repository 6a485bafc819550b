/**
 * Waits for several futexes at once (futex_waitv(2), Linux 5.16), for a thread with an event loop: while nothing else is
 * to be done it is blocked until one of them changes, and looks at its other events between.
 */
import { clockGettime, futexWaitv, ppoll } from "./calls.ts";
import { CLOCK_MONOTONIC, FUTEX_32 } from "./constants.ts";
import { ERRNO } from "./errno.ts";
import { attempt, here } from "./here.ts";
import { span } from "./span.ts";
import { millisecondsOf, TIMESPEC_SIZE, timespec } from "./structs.ts";

interface Waiter {
  readonly address: number;
  readonly value: number;
  readonly load: () => number;
  /** Milliseconds of `now`. */
  readonly deadline: number;
  readonly resolve: (changed: boolean) => void;
}

/** How long the thread is blocked at most, in milliseconds. */
const TURN = 0.5;
/** `struct futex_waitv`; the kernel takes so many at once. */
const WAITV_SIZE = 24;
const MOST = 128;

/** Milliseconds of CLOCK_MONOTONIC. */
function now(): number {
  const time = new Uint8Array(TIMESPEC_SIZE);
  here(clockGettime(CLOCK_MONOTONIC, time));
  return millisecondsOf(time);
}

const waiters = new Set<Waiter>();
let isPlanned = false;

/**
 * Waits until the word at an address, which `load` reads, is another than `value`; returns whether it is within so many
 * milliseconds.
 */
export function changed(
  address: number,
  value: number,
  load: () => number,
  milliseconds: number,
): Promise<boolean> {
  const wait = () =>
    new Promise<boolean>((resolve) => {
      waiters.add({ address, value, load, deadline: now() + milliseconds, resolve });
      plan();
    });
  return span("wait", "waits", wait);
}

function plan(): void {
  if (isPlanned) return;
  isPlanned = true;
  setImmediate(look);
}

function look(): void {
  isPlanned = false;
  if (!settle()) {
    block();
    settle();
  }
  if (waiters.size > 0) plan();
}

/** Lets those go on whose word has changed, or whose time is over; returns whether there are any. */
function settle(): boolean {
  const time = now();
  let found = false;
  for (const waiter of waiters) {
    const isChanged = waiter.load() !== waiter.value;
    if (!isChanged && time < waiter.deadline) continue;
    waiters.delete(waiter);
    waiter.resolve(isChanged);
    found = true;
  }
  return found;
}

function block(): void {
  const vector = new DataView(new ArrayBuffer(Math.min(waiters.size, MOST) * WAITV_SIZE));
  let at = 0;
  for (const { address, value } of waiters) {
    if (at === vector.byteLength) break;
    vector.setBigUint64(at, BigInt(value), true);
    vector.setBigUint64(at + 8, BigInt(address), true);
    vector.setUint32(at + 16, FUTEX_32, true);
    at += WAITV_SIZE;
  }
  const result = attempt(futexWaitv(new Uint8Array(vector.buffer), timespec(now() + TURN)));
  if (result === -ERRNO.ENOSYS) attempt(ppoll(new Uint8Array(0), TURN));
}
