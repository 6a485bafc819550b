import { helpText } from "./help.ts";
import { print } from "./output.ts";
import type { InvocationOf } from "./parse.ts";

/** `tsrun help [COMMAND]`, `--help` */
export function help({ args: [topic] }: InvocationOf<"help">): number {
  print(helpText(topic));
  return 0;
}
