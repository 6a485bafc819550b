import { getegid, geteuid } from "../kernel/calls.ts";
import { here } from "../kernel/here.ts";
import { Failure } from "./failure.ts";

/** The user who runs tsrun. */
export function getuid(): number {
  return here(geteuid());
}

/** That user's group. */
export function getgid(): number {
  return here(getegid());
}

/** @throws Failure when the caller is not root */
export function requireRoot(): void {
  if (getuid() !== 0)
    throw new Failure(
      "tsrun needs root: run it with sudo (containers of ordinary users are not supported yet)",
    );
}
