import { reap } from "../agent/spawn.ts";
import { close, pidfdOpen, pidfdSendSignal, ppoll } from "../kernel/calls.ts";
import { POLLIN } from "../kernel/constants.ts";
import { attempt, here } from "../kernel/here.ts";
import { pollFd, timespec } from "../kernel/structs.ts";
import { SIGNALS } from "./signals.ts";

/** Signals that say something about tsrun itself, or that cannot be caught. */
const OWN: ReadonlySet<string> = new Set([
  "KILL",
  "STOP",
  "CHLD",
  "CLD",
  "PIPE",
  "URG",
  "IOT",
  "POLL",
  "RTMIN",
  "RTMAX",
  "ILL",
  "TRAP",
  "FPE",
  "SEGV",
  "BUS",
  "STKFLT",
  "ABRT",
]);

/**
 * How long one wait lasts, in milliseconds. A signal normally interrupts it; one that arrives in the
 * instant before it begins is forwarded this much later.
 */
const TURN = timespec(250);

/**
 * Waits for a child in the foreground and forwards the signals that tsrun gets to it. Returns its exit status;
 * 128 + n when signal n ended it.
 */
export async function waitForChild(pid: number): Promise<number> {
  const pidfd = here(pidfdOpen(pid));
  forwardSignals(pidfd);
  // JavaScript's signal handlers run between the waits, not during them.
  while (attempt(ppoll(pollFd(pidfd, POLLIN), TURN)) <= 0) await Bun.sleep(0);
  here(close(pidfd));
  return exitStatus(reap(pid, true) ?? 0);
}

function forwardSignals(pidfd: number): void {
  for (const [name, number] of Object.entries(SIGNALS))
    if (!OWN.has(name)) process.on(`SIG${name}`, () => attempt(pidfdSendSignal(pidfd, number)));
}

/** A status of wait(2) as a shell gives it. */
export function exitStatus(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}
