/**
 * argv to a typed invocation, by the rules of the Go libraries that runc uses: one dash or two, `--flag=value` or
 * `--flag value`, the last of repeated flags wins, global flags before the command. A command's flags may stand before
 * or after its arguments, except where the arguments are another program's (`exec ID ps -ef`): there the first argument
 * ends them. A `--` ends them anywhere.
 */
import type { FlagValue } from "./flag-kinds.ts";
import { absentValues, readFlags } from "./read-flags.ts";
import {
  type ArgsOf,
  COMMAND_NAMES,
  type CommandName,
  commandEntry,
  type FlagsOf,
  GLOBAL_FLAGS,
  type Globals,
  usageLine,
} from "./table.ts";
import { nearest, UsageError } from "./usage-error.ts";

type Common = {
  readonly globals: Globals;
  /** One line each, for the log: flags that are accepted but do nothing. */
  readonly warnings: readonly string[];
};

export type InvocationOf<C extends CommandName> = Common & {
  readonly command: C;
  readonly flags: FlagsOf<C>;
  readonly args: ArgsOf<C>;
};

/** What to do: a command with its flags and arguments, or `--version`. `--help` is the command `help`. */
export type Invocation =
  | { readonly [C in CommandName]: InvocationOf<C> }[CommandName]
  | (Common & { readonly command: "version" });

/** Reads the arguments after the program's name. Throws UsageError. */
export function parse(argv: readonly string[]): Invocation {
  const warnings: string[] = [];
  const globalValues = absentValues(GLOBAL_FLAGS);
  // The values are made from GLOBAL_FLAGS, and so is the type; TypeScript cannot follow the loop.
  const globals = globalValues as Globals;
  const words = readFlags(
    { flags: GLOBAL_FLAGS, flagsFirst: true, values: globalValues, globals, warnings },
    argv,
  );
  const common: Common = { globals, warnings };
  if (globals.version) return { ...common, command: "version" };
  const word = words[0];
  if (word === undefined || globals.help) return helpOn(common, word);
  const name = commandNamed(word);
  if (name === undefined) throw unknownCommand(word, globals);

  const command = commandEntry(name);
  const known = command.flags;
  const flags: { [key: string]: FlagValue; help?: boolean } = absentValues(known);
  const args = readFlags(
    {
      command: name,
      flags: known,
      flagsFirst: command.flagsFirst === true,
      values: flags,
      globals,
      warnings,
    },
    words.slice(1),
  );
  if (flags.help) return helpOn(common, name);
  checkArgs(name, args, flags, globals);
  if (name === "help") return helpOn(common, args[0]);
  // Flags and arguments were read by COMMANDS[name], from which Invocation is computed: as above, but for
  // "some command" TypeScript sees no overlap at all, hence unknown.
  return { ...common, command: name, flags, args } as unknown as Invocation;
}

/** Help on everything, or on the command that is named. */
function helpOn(common: Common, topic: string | undefined): InvocationOf<"help"> {
  if (topic === undefined) return { ...common, command: "help", flags: {}, args: [] };
  const name = commandNamed(topic);
  if (name === undefined) throw unknownCommand(topic, common.globals);
  return { ...common, command: "help", flags: {}, args: [name] };
}

/** The command of that name or alias. A loop: the first use of Array's find() costs 40 µs. */
export function commandNamed(word: string): CommandName | undefined {
  for (const name of COMMAND_NAMES) if (name === word || commandEntry(name).alias === word) return name;
  return undefined;
}

function checkArgs(
  name: CommandName,
  args: readonly string[],
  flags: { readonly [key: string]: FlagValue },
  globals: Globals,
): void {
  const { args: expected, inPlaceOfArgs } = commandEntry(name);
  const missing = inPlaceOfArgs !== undefined && flags[inPlaceOfArgs] ? undefined : expected[args.length];
  if (missing !== undefined && !missing.startsWith("[")) {
    const guess = ` (usage: ${usageLine(name)})`;
    throw new UsageError(name, `${missing} is missing`, globals, { word: missing, guess });
  }
  const extra = args[expected.length];
  if (extra === undefined || expected.at(-1)?.endsWith("...]")) return;
  const guess = ` (usage: ${usageLine(name)})`;
  throw new UsageError(name, `unexpected argument ${JSON.stringify(extra)}`, globals, {
    word: "[ARG]",
    guess,
  });
}

function unknownCommand(word: string, globals: Globals): UsageError {
  const meant = nearest(word, COMMAND_NAMES);
  const guess = meant === undefined ? "" : ` (did you mean ${meant}?)`;
  return new UsageError(undefined, `unknown command ${word}`, globals, { word, guess });
}
