import { Failure } from "../../container/failure.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { completionScript } from "../help/completion.ts";
import { print } from "../output.ts";

/** `tsrun completion SHELL` */
export function completion({ args: [shell] }: InvocationOf<"completion">): number {
  const script = completionScript(shell);
  if (script === undefined)
    throw new Failure(`completion: unknown shell ${JSON.stringify(shell)}: bash, zsh or fish`);
  print(script);
  return 0;
}
