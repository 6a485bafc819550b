import type { InvocationOf } from "../grammar/parse.ts";
import { helpText } from "../help/help.ts";
import { print } from "../output.ts";

/** `tsrun help [COMMAND]`, `--help` */
export function help({ args: [topic] }: InvocationOf<"help">): number {
  print(helpText(topic));
  return 0;
}
