/** Reads words as the flags of one table: of the global flags or of a command. */
import type { Integer } from "../../../runtime-spec/int64.ts";
import { absentValue, type FlagValue, isRepeatable, KINDS } from "./flag-kinds.ts";
import { COMMAND_NAMES, type CommandName, commandEntry, GLOBAL_FLAGS, type Globals } from "./table.ts";
import type { Flag, FlagTable } from "./table-types.ts";
import { nearest, UsageError } from "./usage-error.ts";

/** A flag of every command. */
const HELP = { help: GLOBAL_FLAGS.help } satisfies FlagTable;

/** One pass over words: whose flags, where their values go, and what an error message needs. */
type Reading = {
  /** Undefined for the global flags. */
  readonly command?: CommandName;
  readonly flags: FlagTable;
  readonly flagsFirst: boolean;
  readonly values: { [key: string]: FlagValue };
  readonly globals: Globals;
  readonly warnings: string[];
};

/** Reads flags into `values`; returns the words that are not flags. */
export function readFlags(reading: Reading, words: readonly string[]): string[] {
  const args: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    if (word === "--") return [...args, ...words.slice(i + 1)];
    if (!word.startsWith("-") || word === "-" || (args.length > 0 && /^-\d+$/.test(word))) {
      // An argument. A negative number among them is one too: `kill ID -9`.
      if (reading.flagsFirst) return words.slice(i);
      args.push(word);
      continue;
    }
    if (takesNextWord(reading, word, words[i + 1])) i++;
  }
  return args;
}

/** Reads one flag; true if its value was the next word. */
function takesNextWord(reading: Reading, word: string, next: string | undefined): boolean {
  const equals = word.indexOf("=");
  const dashes = word.startsWith("--") ? 2 : 1;
  const spelled = word.slice(dashes, equals < 0 ? undefined : equals);
  const text = equals < 0 ? undefined : word.slice(equals + 1);

  const name = flagNamed(reading.flags, spelled) ?? flagNamed(HELP, spelled);
  if (name === undefined) throw unknownFlag(reading, word, spelled);
  const flag: Flag = reading.flags[name] ?? HELP.help;
  if (flag.ignored !== undefined) reading.warnings.push(`--${name} is ignored: ${flag.ignored}`);
  if (text !== undefined) {
    setValue(reading, name, flag, text);
    return false;
  }
  if (flag.kind === "bool") {
    setValue(reading, name, flag, "true");
    return false;
  }
  if (next === undefined) throw failure(reading, `--${name} needs a value`);
  setValue(reading, name, flag, next);
  return true;
}

function setValue(reading: Reading, name: string, flag: Flag, text: string): void {
  const key = camelCase(name);
  if (text === "" && flag.kind === "string" && flag.value !== "ID") {
    // As in runc, an empty value (--user "$USER_ID") means that the flag is not given; but an ID must not get lost so.
    reading.values[key] = absentValue(flag);
    return;
  }
  const value = readValue(reading, name, flag, text);
  if (value === true && flag.kind === "bool" && flag.format !== undefined)
    reading.values["format"] = flag.format;
  const before = reading.values[key];
  reading.values[key] =
    // A repeatable flag's list has one type, that of the flag: strings or numbers.
    isRepeatable(flag) && Array.isArray(before) ? ([...before, value] as string[] | number[]) : value;
}

function readValue(reading: Reading, name: string, flag: Flag, text: string): string | Integer | boolean {
  const { expects, read } = KINDS[flag.kind];
  const value = read(text);
  if (flag.kind === "choice" && !flag.choices.includes(text)) {
    throw failure(reading, `--${name} must be ${listed(flag.choices)}, not ${JSON.stringify(text)}`);
  }
  if (value === undefined) {
    throw failure(reading, `--${name} must be ${expects}, not ${JSON.stringify(text)}`);
  }
  if ("min" in flag && flag.min !== undefined && Number(value) < flag.min) {
    throw failure(reading, `--${name} must be at least ${flag.min}, not ${text}`);
  }
  return value;
}

/** `table, json or dot`. */
const listed = (words: readonly string[]) => [words.slice(0, -1).join(", "), words.at(-1)].join(" or ");

/** By name or letter. Not Object.hasOwn: its first use costs 20 µs, this loop none. */
function flagNamed(flags: FlagTable, spelled: string): string | undefined {
  for (const name in flags) if (name === spelled || flags[name]?.short === spelled) return name;
  return undefined;
}

/** The values of flags that were not given, by their names in camel case. */
export function absentValues(flags: FlagTable): { [key: string]: FlagValue } {
  const values: { [key: string]: FlagValue } = {};
  for (const name in flags) {
    const flag = flags[name];
    if (flag) values[camelCase(name)] = absentValue(flag);
  }
  return values;
}

/** `console-socket` to `consoleSocket`. A regular expression would cost 0.1 ms here, for its first use. */
function camelCase(name: string): string {
  let key = name;
  for (let dash = key.indexOf("-"); dash >= 0; dash = key.indexOf("-", dash)) {
    key = key.slice(0, dash) + key.charAt(dash + 1).toUpperCase() + key.slice(dash + 2);
  }
  return key;
}

function failure(reading: Reading, problem: string): UsageError {
  return new UsageError(reading.command, problem, reading.globals);
}

function unknownFlag(reading: Reading, word: string, spelled: string): UsageError {
  if (reading.command !== undefined && flagNamed(GLOBAL_FLAGS, spelled) === spelled) {
    return failure(reading, `--${spelled} is a global flag: write tsrun --${spelled} … ${reading.command}`);
  }
  const [flag = word] = word.split("=", 1);
  const meant = { word: flag, guess: guessFor(reading, spelled) };
  return new UsageError(reading.command, `unknown flag ${flag}`, reading.globals, meant);
}

/** What was probably meant: a flag of this table, or one that stands elsewhere. */
function guessFor({ command, flags }: Reading, spelled: string): string {
  const letters = [...spelled];
  if (letters.every((letter) => flagNamed(flags, letter) !== undefined))
    return ` (letters stand alone: ${letters.map((letter) => `-${letter}`).join(" ")})`;
  const meant = nearest(spelled, [...Object.keys(flags), ...Object.keys(HELP)]);
  if (meant !== undefined) return ` (did you mean --${meant}?)`;
  if (command === undefined) {
    const one = COMMAND_NAMES.find((name) => flagNamed(commandEntry(name).flags, spelled) !== undefined);
    return one === undefined ? "" : ` (flags of a command come after it, as in tsrun ${one} --${spelled})`;
  }
  const global = nearest(spelled, Object.keys(GLOBAL_FLAGS));
  return global === undefined ? "" : ` (did you mean the global flag --${global}, before ${command}?)`;
}
