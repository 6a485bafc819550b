/**
 * argv to a typed invocation, by the rules of the Go libraries below runc: one or two dashes alike,
 * `--flag=value` or `--flag value`, the last of repeated flags wins, global flags before the command.
 * A command's flags may stand before or after its arguments, except where the arguments are another
 * program's (`exec ID ps -ef`): there the first argument ends them. A `--` ends them anywhere.
 */
import { absentValue, type FlagValue, isRepeatable, KINDS } from "./flag-kinds.ts";
import {
  type ArgsOf,
  COMMANDS,
  type CommandName,
  type FlagsOf,
  GLOBAL_FLAGS,
  type Globals,
  isCommand,
  usageLine,
} from "./table.ts";
import type { Command, Flag, FlagTable } from "./table-types.ts";
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
  const globalScan: Scan = { flags: GLOBAL_FLAGS, flagsFirst: true, values: globalValues, globals, warnings };
  const words = scan(globalScan, argv);

  const common: Common = { globals, warnings };
  if (globals.version) return { ...common, command: "version" };
  const [word, ...rest] = words;
  if (word === undefined || globals.help) return helpOn(common, word);
  const name = commandNamed(word);
  if (name === undefined) throw unknownCommand(word, globals);
  const command: Command = COMMANDS[name];

  const values = absentValues(command.flags);
  const flagsFirst = command.flagsFirst === true;
  const commandScan: Scan = {
    name,
    flags: command.flags,
    flagsFirst,
    values,
    globals,
    warnings,
    help: false,
  };
  const args = scan(commandScan, rest);
  if (commandScan.help) return helpOn(common, name);
  checkArgs(commandScan, name, command.args, args);
  if (command.pending) throw new UsageError(`\`${name}\` is not supported yet`, "", globals);
  // Flags and arguments were read by COMMANDS[name], from which Invocation is computed: as above, but for
  // "some command" TypeScript sees no overlap at all, hence unknown.
  return { ...common, command: name, flags: values, args } as unknown as Invocation;
}

function helpOn(common: Common, topic: string | undefined): Invocation {
  return { ...common, command: "help", flags: {}, args: topic === undefined ? [] : [topic] };
}

/** The command of that name or alias. */
export function commandNamed(word: string): CommandName | undefined {
  if (isCommand(word)) return word;
  const table: { readonly [name: string]: Command } = COMMANDS;
  return Object.keys(COMMANDS)
    .filter(isCommand)
    .find((name) => table[name]?.alias === word);
}

/** One pass over words: whose flags, where their values go, and what an error message needs. */
type Scan = {
  readonly name?: CommandName;
  readonly flags: FlagTable;
  readonly flagsFirst: boolean;
  readonly values: { [key: string]: FlagValue };
  readonly globals: Globals;
  readonly warnings: string[];
  help?: boolean;
};

/** Reads flags into `values`; returns the words that are not flags. */
function scan(state: Scan, words: readonly string[]): string[] {
  const args: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    if (word === "--") return [...args, ...words.slice(i + 1)];
    if (!word.startsWith("-") || word === "-" || (args.length > 0 && /^-\d+$/.test(word))) {
      // An argument. A negative number among them is one too: `kill ID -9`.
      if (state.flagsFirst) return words.slice(i);
      args.push(word);
      continue;
    }
    if (takesNextWord(state, word, words[i + 1])) i++;
  }
  return args;
}

/** Reads one flag; true if its value was the next word. */
function takesNextWord(state: Scan, word: string, next: string | undefined): boolean {
  const equals = word.indexOf("=");
  const dashes = word.startsWith("--") ? 2 : 1;
  const spelled = word.slice(dashes, equals < 0 ? undefined : equals);
  const text = equals < 0 ? undefined : word.slice(equals + 1);

  const name = flagNamed(state.flags, spelled);
  const flag = name === undefined ? undefined : state.flags[name];
  if (name === undefined || flag === undefined) {
    if (state.name === undefined || (spelled !== "help" && spelled !== "h"))
      throw unknownFlag(state, word, spelled);
    state.help = text === undefined || KINDS.bool.read(text) === true;
    return false;
  }
  if (flag.ignored !== undefined) state.warnings.push(`--${name} is ignored: ${flag.ignored}`);
  if (text !== undefined) {
    setValue(state, name, flag, text);
    return false;
  }
  if (flag.kind === "bool") {
    state.values[camelCase(name)] = true;
    return false;
  }
  if (next === undefined) throw failure(state, `--${name} needs a value`);
  setValue(state, name, flag, next);
  return true;
}

function setValue(state: Scan, name: string, flag: Flag, text: string): void {
  const value = readValue(state, name, flag, text);
  const key = camelCase(name);
  const before = state.values[key];
  state.values[key] =
    // A repeatable flag's list holds what its own reader gave: all strings or all numbers.
    isRepeatable(flag) && Array.isArray(before) ? ([...before, value] as string[] | number[]) : value;
}

function readValue(state: Scan, name: string, flag: Flag, text: string): string | number | boolean {
  const { expects, read } = KINDS[flag.kind];
  const value = read(text);
  if (flag.kind === "choice" && !flag.choices.includes(text)) {
    throw failure(state, `--${name} must be ${flag.choices.join(" or ")}, not ${JSON.stringify(text)}`);
  }
  if (value === undefined) throw failure(state, `--${name} must be ${expects}, not ${JSON.stringify(text)}`);
  if ("min" in flag && flag.min !== undefined && Number(value) < flag.min) {
    throw failure(state, `--${name} must be at least ${flag.min}, not ${text}`);
  }
  return value;
}

function flagNamed(flags: FlagTable, spelled: string): string | undefined {
  if (Object.hasOwn(flags, spelled)) return spelled;
  if (spelled.length !== 1) return undefined;
  for (const name in flags) if (flags[name]?.short === spelled) return name;
  return undefined;
}

function absentValues(flags: FlagTable): { [key: string]: FlagValue } {
  const values: { [key: string]: FlagValue } = {};
  for (const name in flags) {
    const flag = flags[name];
    if (flag) values[camelCase(name)] = absentValue(flag);
  }
  return values;
}

/** `console-socket` to `consoleSocket`. */
function camelCase(name: string): string {
  if (!name.includes("-")) return name;
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function checkArgs(
  state: Scan,
  name: CommandName,
  expected: readonly string[],
  args: readonly string[],
): void {
  const missing = expected[args.length];
  const usage = `usage: ${usageLine(name)}`;
  if (missing !== undefined && !missing.startsWith("["))
    throw failure(state, `${missing} is missing (${usage})`);
  const extra = args[expected.length];
  if (extra === undefined || expected.at(-1)?.endsWith("...]")) return;
  throw failure(state, `unexpected argument ${JSON.stringify(extra)} (${usage})`);
}

function failure(state: Scan, problem: string): UsageError {
  const { name, globals } = state;
  if (name === undefined) return new UsageError(problem, MORE, globals);
  return new UsageError(`${name}: ${problem}`, `Say \`tsrun ${name} --help\` for more.`, globals);
}

const MORE = "Say `tsrun --help` for more.";

function unknownFlag(state: Scan, word: string, spelled: string): UsageError {
  const dashed = word.split("=", 1)[0];
  if (state.name !== undefined && flagNamed(GLOBAL_FLAGS, spelled) === spelled) {
    return failure(state, `--${spelled} is a global flag: write tsrun ${word} … ${state.name}`);
  }
  const meant = nearest(spelled, Object.keys(state.flags));
  return failure(state, `unknown flag ${dashed}${meant === undefined ? "" : ` (did you mean --${meant}?)`}`);
}

function unknownCommand(word: string, globals: Globals): UsageError {
  const meant = nearest(word, Object.keys(COMMANDS));
  return new UsageError(
    `unknown command ${word}${meant === undefined ? "" : ` (did you mean ${meant}?)`}`,
    MORE,
    globals,
  );
}
