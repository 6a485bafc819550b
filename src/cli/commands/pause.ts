import { pause as pauseContainer, resume as resumeContainer } from "../../container/pause.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun pause ID` */
export function pause({ globals, args: [id] }: InvocationOf<"pause">): number {
  pauseContainer(storeOf(globals), id);
  return 0;
}

/** `tsrun resume ID` */
export function resume({ globals, args: [id] }: InvocationOf<"resume">): number {
  resumeContainer(storeOf(globals), id);
  return 0;
}
