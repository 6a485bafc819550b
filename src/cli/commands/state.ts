import type { Caller } from "../../agent/caller.ts";
import { describe } from "../../container/describe.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun state ID`: the container's state as JSON. */
export function state({ globals, args: [id] }: InvocationOf<"state">, caller: Caller): number {
  print(`${JSON.stringify(describe(storeOf(globals, caller), id), null, 2)}\n`);
  return 0;
}
