/** `tsrun completion SHELL`: the scripts, made from the table. */

import type { CommandName } from "../grammar/table.ts";
import { bashCompletion } from "./completion-bash.ts";
import { fishCompletion } from "./completion-fish.ts";
import type { SHELLS } from "./completion-sources.ts";
import { zshCompletion } from "./completion-zsh.ts";
import { shownCommands } from "./help.ts";

const SCRIPTS: { readonly [S in (typeof SHELLS)[number]]: (commands: readonly CommandName[]) => string } = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** The script for a shell, which offers these commands, or undefined if there is none for it. */
export function completionScript(shell: string, commands = shownCommands()): string | undefined {
  return Object.entries(SCRIPTS).find(([name]) => name === shell)?.[1](commands);
}
