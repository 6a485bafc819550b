import { start as startContainer } from "../../container/start.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { warnings } from "../log.ts";
import { readinessFor } from "../notify.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun start ID` */
export async function start({ globals, args: [id] }: InvocationOf<"start">): Promise<number> {
  const warn = warnings(globals);
  await startContainer(storeOf(globals), id, warn, await readinessFor(warn));
  return 0;
}
