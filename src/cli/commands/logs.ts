import { outputOf } from "../../container/logs.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";

/** `tsrun logs ID`: what the container has printed; with `--follow` also what it prints until its end. */
export async function logs(
  { globals, flags, args: [id] }: InvocationOf<"logs">,
  session: Session,
): Promise<number> {
  for await (const piece of outputOf(storeOf(globals, session.caller), id, flags.follow))
    print(session, piece);
  return 0;
}
