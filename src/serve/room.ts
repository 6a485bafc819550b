/** How many commands a server does at a time. */
import { getrlimit } from "../kernel/calls.ts";
import { here } from "../kernel/here.ts";
import { RLIMIT_NOFILE } from "../kernel/rlimits.ts";
import { RLIMIT_SIZE, softLimit } from "../kernel/structs.ts";

/** Descriptors of the server's own, with those of connections that nothing is done for. */
const OWN = 32;
/** The most that a command takes: a `run` has been seen with ten. */
const EACH = 16;

/** As many as the limit of open files has room for: one more would fail, and does not if it does its work itself. */
export function commandsAtOnce(): number {
  const limits = new Uint8Array(RLIMIT_SIZE);
  here(getrlimit(RLIMIT_NOFILE, limits));
  return Math.max(0, Math.floor((Number(softLimit(limits)) - OWN) / EACH));
}
