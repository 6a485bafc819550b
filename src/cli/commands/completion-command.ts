import type { Caller } from "../../agent/caller.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { completions } from "../help/complete.ts";
import { completionScript } from "../help/completion.ts";
import { shownCommands } from "../help/help.ts";
import { print } from "../output.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun completion SHELL` */
export function completion({ args: [shell] }: InvocationOf<"completion">): number {
  const script = completionScript(shell);
  if (script === undefined)
    throw new UserError("completion", `unknown shell ${JSON.stringify(shell)}: bash, zsh or fish`);
  print(script);
  return 0;
}

/** `tsrun __complete -- WORDS`: what may stand for the last word of a command line, for the scripts. */
export function complete({ globals, args }: InvocationOf<"__complete">, caller: Caller): number {
  const containers = (root = globals.root) => storeOf({ ...globals, root }, caller).ids();
  const lines = completions(args, { commands: shownCommands(), containers });
  print(lines.map((line) => `${line}\n`).join(""));
  return 0;
}
