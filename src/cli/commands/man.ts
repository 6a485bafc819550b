import type { InvocationOf } from "../grammar/parse.ts";
import { manPage } from "../help/man.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";
import { VERSION } from "../version.ts";

/** `tsrun man`: the man page as roff. */
export function man(_: InvocationOf<"man">, session: Session): number {
  print(session, manPage(VERSION));
  return 0;
}
