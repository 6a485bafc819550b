import { remove as removeContainer } from "../../container/delete.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { warnings } from "../log.ts";
import type { Session } from "../session.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun delete ID` */
export async function remove(
  { globals, flags, args: [id] }: InvocationOf<"delete">,
  session: Session,
): Promise<number> {
  await removeContainer(storeOf(globals, session.caller), id, flags.force, warnings(session, globals));
  return 0;
}
