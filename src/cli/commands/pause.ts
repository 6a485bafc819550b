import { pause as pauseContainer, resume as resumeContainer } from "../../container/pause.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import type { Session } from "../session/session.ts";

/** `tsrun pause ID` */
export async function pause(
  { globals, args: [id] }: InvocationOf<"pause">,
  session: Session,
): Promise<number> {
  await pauseContainer(storeOf(globals, session.caller), id);
  return 0;
}

/** `tsrun resume ID` */
export async function resume(
  { globals, args: [id] }: InvocationOf<"resume">,
  session: Session,
): Promise<number> {
  await resumeContainer(storeOf(globals, session.caller), id);
  return 0;
}
