import type { InvocationOf } from "../grammar/parse.ts";
import { helpText } from "../help/help.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";

/** `tsrun help [COMMAND]`, `--help` */
export function help({ args: [topic] }: InvocationOf<"help">, session: Session): number {
  print(session, helpText(topic));
  return 0;
}
