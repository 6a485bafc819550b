import { start as startContainer } from "../../container/start.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { warnings } from "../log.ts";
import { readinessFor } from "../notify.ts";
import { Patience } from "../patience.ts";
import type { Session } from "../session.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun start ID` */
export async function start(
  { globals, args: [id] }: InvocationOf<"start">,
  session: Session,
): Promise<number> {
  const warn = warnings(session, globals);
  using _ = new Patience(session, globals, "start", id);
  await startContainer(storeOf(globals, session.caller), id, warn, await readinessFor(session.caller, warn));
  return 0;
}
