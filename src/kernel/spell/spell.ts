import type { Argument, Call } from "../call.ts";
import { KINDS } from "./calls.ts";
import { type Kind, text } from "./kinds.ts";

/**
 * `openat2($8, "proc", {O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT})`: the call as strace(1) would print it, with `$8` for what
 * step 8 of the same program will have returned.
 */
export function spell(call: Call): string {
  const kinds = KINDS[call.name] ?? call.args.map(() => text);
  const print = (kind: Kind, index: number) => {
    const argument: Argument | undefined = call.args[index];
    return argument === undefined ? null : kind(argument, call);
  };
  return `${call.name}(${kinds
    .map(print)
    .filter((word) => word !== null)
    .join(", ")})`;
}
