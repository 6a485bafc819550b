/** `tsrun __complete`: which words may come next on a command line, found by walking over the words before. */
import type { ContainerStatus } from "../../container/state/status.ts";
import { statusesFor } from "../../container/state/verbs.ts";
import { commandNamed } from "../grammar/parse.ts";
import { type CommandName, commandEntry, GLOBAL_FLAGS } from "../grammar/table.ts";
import type { Flag, FlagTable } from "../grammar/table-types.ts";
import { DIRECTORIES, FILES } from "./completion.ts";
import { argumentSources, type Source, valueSource } from "./completion-sources.ts";
import { shownFlags } from "./help.ts";

/** Words to offer that are not in the table. */
interface Offered {
  readonly commands: readonly CommandName[];
  /** The ids of the containers below the root that the command line names, in one of these statuses or in any. */
  readonly containers: (
    root: string | undefined,
    statuses: readonly ContainerStatus[] | null,
  ) => readonly string[];
}

/** Where the last word of a command line stands. */
interface Place {
  /** Null for a word that is no command. */
  command: CommandName | null | undefined;
  /** The flag whose value it is. */
  flag: Flag | undefined;
  /** The names of the flags before it. */
  given: string[];
  /** How many arguments of the command are before it. */
  args: number;
  flagsEnded: boolean;
  root: string | undefined;
}

const BOOLEANS: Source = { words: [["true"], ["false"]] };

/** The lines that the shells' scripts get for the last of these words, which may be empty or incomplete. */
export function completions(words: readonly string[], offered: Offered): readonly string[] {
  const { line, isSplit } = rejoined(words);
  const typed = line.at(-1) ?? "";
  const place = placeAfter(line.slice(0, -1));
  const [, spelled, value] = /^(-[^=]+=)(.*)$/.exec(typed) ?? [];
  if (place.flag === undefined && !place.flagsEnded && spelled !== undefined && value !== undefined) {
    const [name, flag] = flagSpelled(place, spelled.slice(0, -1)) ?? [];
    if (name !== undefined) place.given.push(name);
    const source = flag === undefined ? "nothing" : (valueSource(flag) ?? BOOLEANS);
    return lines(source, { start: value, before: isSplit ? "" : spelled }, place, offered);
  }
  return lines(sourceAt(place, typed, offered), { start: typed, before: "" }, place, offered);
}

/** bash splits `--flag=value` into three words, and replaces the last one. */
function rejoined(words: readonly string[]) {
  const line: string[] = [];
  let isSplit = false;
  for (const word of words) {
    const last = line.at(-1) ?? "";
    isSplit = last !== "" && (word === "=" || (isSplit && last.endsWith("=")));
    if (isSplit) line.pop();
    line.push(isSplit ? `${last}${word}` : word);
  }
  return { line, isSplit };
}

function placeAfter(words: readonly string[]): Place {
  const place: Place = {
    command: undefined,
    flag: undefined,
    given: [],
    args: 0,
    flagsEnded: false,
    root: undefined,
  };
  for (const word of words) pass(place, word);
  return place;
}

/** Moves past a word, by the parser's rules. */
function pass(place: Place, word: string): void {
  const isGlobal = place.command === undefined;
  if (place.flag !== undefined) {
    if (isGlobal && place.flag === GLOBAL_FLAGS.root) place.root = word;
    place.flag = undefined;
  } else if (!place.flagsEnded && word === "--") place.flagsEnded = true;
  else if (!place.flagsEnded && /^-./.test(word)) {
    const [spelled = "", ...value] = word.split("=");
    const [name, flag] = flagSpelled(place, spelled) ?? [];
    if (name !== undefined) place.given.push(name);
    if (value.length === 0 && flag?.kind !== "bool") place.flag = flag;
    if (value.length > 0 && isGlobal && flag === GLOBAL_FLAGS.root) place.root = value.join("=");
  } else if (isGlobal) {
    place.command = commandNamed(word) ?? null;
    place.flagsEnded = false;
  } else {
    place.args++;
    if (place.command && commandEntry(place.command).flagsFirst) place.flagsEnded = true;
  }
}

function flagsAt({ command }: Place): FlagTable {
  if (command === null) return {};
  return command === undefined ? GLOBAL_FLAGS : { ...commandEntry(command).flags, help: GLOBAL_FLAGS.help };
}

/** Finds a flag by `--name`, `-name` or `-n`, as the parser does. */
function flagSpelled(place: Place, spelled: string): [name: string, flag: Flag] | undefined {
  const name = spelled.replace(/^--?/, "");
  return Object.entries(flagsAt(place)).find(([long, { short }]) => long === name || short === name);
}

function sourceAt(place: Place, typed: string, { commands }: Offered): Source {
  const { command, flag, args, flagsEnded } = place;
  if (flag !== undefined) return valueSource(flag) ?? "nothing";
  if (typed.startsWith("-") && !flagsEnded)
    return { words: shownFlags(flagsAt(place)).map(([name, { summary }]) => [`--${name}`, summary]) };
  if (command === undefined) return { words: commands.map((name) => [name, commandEntry(name).summary]) };
  if (command === null) return "nothing";
  const sources = argumentSources(command, commands);
  const isMore = commandEntry(command).args.at(-1)?.endsWith("...]");
  return sources[isMore ? Math.min(args, sources.length - 1) : args] ?? "nothing";
}

/** The words of a source that begin with what is typed, each after what precedes it in the same word. */
function lines(
  source: Source,
  { start, before }: { readonly start: string; readonly before: string },
  { command, given, root }: Place,
  { containers }: Offered,
): readonly string[] {
  if (source === "nothing") return [];
  if (source === "files") return [FILES];
  if (source === "directories") return [DIRECTORIES];
  const words =
    source === "containers"
      ? containers(root, statusesFor(command ?? "", given)).map((id) => [id] as const)
      : source.words;
  return words
    .filter(([word]) => word.startsWith(start))
    .map(([word, ...summary]) => [`${before}${word}`, ...summary].join("\t"));
}
