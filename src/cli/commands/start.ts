import { start as startContainer } from "../../container/start.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { readinessFor } from "../making/notify.ts";
import { warnings } from "../output/log.ts";
import type { Session } from "../session/session.ts";
import { Patience } from "../why/patience.ts";

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
