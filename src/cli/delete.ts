import { remove as removeContainer } from "../container/delete.ts";
import type { InvocationOf } from "./parse.ts";
import { storeOf } from "./store-of.ts";

/** `tsrun delete ID` */
export function remove({ globals, flags, args: [id] }: InvocationOf<"delete">): number {
  removeContainer(storeOf(globals), id, flags.force);
  return 0;
}
