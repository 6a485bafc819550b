import type { Caller } from "../../agent/caller.ts";
import { pause as pauseContainer, resume as resumeContainer } from "../../container/pause.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun pause ID` */
export async function pause({ globals, args: [id] }: InvocationOf<"pause">, caller: Caller): Promise<number> {
  await pauseContainer(storeOf(globals, caller), id);
  return 0;
}

/** `tsrun resume ID` */
export async function resume(
  { globals, args: [id] }: InvocationOf<"resume">,
  caller: Caller,
): Promise<number> {
  await resumeContainer(storeOf(globals, caller), id);
  return 0;
}
