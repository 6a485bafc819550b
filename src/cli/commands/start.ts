import type { Caller } from "../../agent/caller.ts";
import { start as startContainer } from "../../container/start.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { warnings } from "../log.ts";
import { readinessFor } from "../notify.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun start ID` */
export async function start({ globals, args: [id] }: InvocationOf<"start">, caller: Caller): Promise<number> {
  const warn = warnings(globals);
  await startContainer(storeOf(globals, caller), id, warn, await readinessFor(caller, warn));
  return 0;
}
