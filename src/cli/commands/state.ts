import { describe } from "../../container/describe.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output.ts";
import type { Session } from "../session.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun state ID`: the container's state as JSON. */
export function state({ globals, args: [id] }: InvocationOf<"state">, session: Session): number {
  print(session, `${JSON.stringify(describe(storeOf(globals, session.caller), id), null, 2)}\n`);
  return 0;
}
