import { remove as removeContainer } from "../../container/delete.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { warnings } from "../output/log.ts";
import type { Session } from "../session/session.ts";

/** `tsrun delete ID` */
export async function remove(
  { globals, flags, args: [id] }: InvocationOf<"delete">,
  session: Session,
): Promise<number> {
  await removeContainer(storeOf(globals, session.caller), id, flags.force, warnings(session, globals));
  return 0;
}
