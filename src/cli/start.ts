import { start as startContainer } from "../container/start.ts";
import type { InvocationOf } from "./parse.ts";
import { storeOf } from "./store-of.ts";

/** `tsrun start ID` */
export function start({ globals, args: [id] }: InvocationOf<"start">): number {
  startContainer(storeOf(globals), id);
  return 0;
}
