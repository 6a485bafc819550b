/** Where a shell's suggestions for a place of the command line come from. */
import type { SignalName } from "../../kernel/signals.ts";
import { explainable } from "../explain/paths.ts";
import { type CommandName, commandEntry } from "../grammar/table.ts";
import type { Flag } from "../grammar/table-types.ts";
import { SHELLS } from "./completion.ts";

/** `nothing` is a place for a word that only the user knows. */
export type Source =
  | "directories"
  | "files"
  | "containers"
  | "nothing"
  | { readonly words: readonly (readonly [word: string, summary?: string])[] };

/** Signals that people send, the usual ones first. */
const SENT = [
  "SIGTERM",
  "SIGKILL",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGSTOP",
  "SIGCONT",
  "SIGWINCH",
] as const satisfies readonly SignalName[];

/** By the placeholder in the help. */
const PLACEHOLDERS: { readonly [placeholder: string]: Source } = {
  DIR: "directories",
  FILE: "files",
  "[FILE...]": "files",
  "[CALL...]": "files", // those that --diff compares
  SOCKET: "files",
  ID: "containers",
  IMAGE: "files",
  BUNDLE: "directories",
  "[ID]": "containers",
  "[FILE]": "files",
  ACTION: { words: [["add"], ["remove"], ["list"]] },
  SHELL: { words: SHELLS.map((name) => [name]) },
  "[PATH]": {
    get words() {
      return explainable();
    },
  },
  "[SIGNAL]": { words: SENT.map((name) => [name.slice("SIG".length)]) },
};

/** The values of a flag; undefined for a flag without a value. */
export function valueSource(flag: Flag): Source | undefined {
  if (flag.kind === "bool") return undefined;
  if (flag.kind === "choice") return { words: flag.choices.map((choice) => [choice]) };
  return PLACEHOLDERS[flag.value] ?? "nothing";
}

/** The source for each argument of a command, in order; `commands` are the commands to offer. */
export function argumentSources(name: CommandName, commands: readonly CommandName[]): readonly Source[] {
  const { args, newId } = commandEntry(name);
  return args.map((arg) => {
    if (arg === "ID" && newId) return "nothing";
    if (name === "help") return { words: commands.map((one) => [one, commandEntry(one).summary]) };
    return PLACEHOLDERS[arg] ?? "nothing";
  });
}
