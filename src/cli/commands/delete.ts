import type { Caller } from "../../agent/caller.ts";
import { remove as removeContainer } from "../../container/delete.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { warnings } from "../log.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun delete ID` */
export async function remove(
  { globals, flags, args: [id] }: InvocationOf<"delete">,
  caller: Caller,
): Promise<number> {
  await removeContainer(storeOf(globals, caller), id, flags.force, warnings(globals));
  return 0;
}
