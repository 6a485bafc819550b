/** What `--help` prints, made from the table. */

import { ABOUT, DESCRIPTIONS } from "../grammar/descriptions.ts";
import { commandNamed } from "../grammar/parse.ts";
import { COMMAND_NAMES, type CommandName, commandEntry, GLOBAL_FLAGS, usageLine } from "../grammar/table.ts";
import type { Flag, FlagTable } from "../grammar/table-types.ts";
import { fill } from "../output/fill.ts";

const WIDTH = 80;

/** The text for `help` and `--help`, with its final newline. An unknown topic counts as none. */
export function helpText(topic?: string): string {
  const name = topic === undefined ? undefined : commandNamed(topic);
  return name === undefined ? overview() : commandHelp(name);
}

/** The commands that help, completion and the man page show. */
export function shownCommands(): readonly CommandName[] {
  return COMMAND_NAMES.filter((name) => !commandEntry(name).hidden);
}

/** The flags that help, completion and the man page show, by name. */
export function shownFlags(flags: FlagTable): readonly (readonly [name: string, flag: Flag])[] {
  return Object.entries(flags).filter(([, flag]) => flag.ignored === undefined);
}

/** `DIR`, `table|json`, or nothing for a flag without a value. */
export function placeholder(flag: Flag): string {
  if (flag.kind === "bool") return "";
  return flag.kind === "choice" ? flag.choices.join("|") : flag.value;
}

/** A flag's line of text, with its default and whether it may be repeated. */
export function flagSummary(flag: Flag): string {
  if (flag.kind === "strings" || flag.kind === "ints") return `${flag.summary} (may be repeated)`;
  if (!("default" in flag) || flag.default === undefined) return flag.summary;
  const shown = flag.kind === "duration" ? `${flag.default / 1000}s` : flag.default;
  return `${flag.summary} (default: ${shown})`;
}

/** The paragraphs of a text, each in one line. */
export function paragraphs(text: string): readonly string[] {
  return text
    .trim()
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, " "));
}

function overview(): string {
  const commands = shownCommands().map((name) => [name, commandEntry(name).summary] as const);
  return [
    "tsrun - an OCI container runtime",
    "usage: tsrun [global flags] COMMAND [flags] [arguments]",
    ...filled(ABOUT),
    section("commands:", commands),
    section("global flags:", shownFlags(GLOBAL_FLAGS).map(flagRow)),
    "Say `tsrun COMMAND --help` for more on a command.\n",
  ].join("\n\n");
}

function commandHelp(name: CommandName): string {
  const { summary, flags, alias } = commandEntry(name);
  const { text, examples = [] } = DESCRIPTIONS[name];
  const parts = [
    `tsrun ${name} - ${summary}`,
    `usage: ${usageLine(name)}${alias === undefined ? "" : `\n       tsrun ${alias} …`}`,
    ...filled(text),
    ...(Object.keys(flags).length > 0 ? [section("flags:", shownFlags(flags).map(flagRow))] : []),
    ...(examples.length > 0 ? [`examples:\n${examples.map(example).join("\n")}`] : []),
  ];
  return `${parts.join("\n\n")}\n`;
}

const filled = (text: string): readonly string[] =>
  paragraphs(text).map((paragraph) => fill(paragraph, WIDTH).join("\n"));

const example = ([line, what]: readonly [string, string]): string => `  # ${what}\n  ${line}`;

function flagRow([name, flag]: readonly [string, Flag]): readonly [string, string] {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  const value = placeholder(flag);
  return [`${short}--${name}${value && ` ${value}`}`, flagSummary(flag)];
}

/** Two columns under a title. If the left side is too wide, its text is on the next line. */
function section(title: string, rows: readonly (readonly [left: string, right: string])[]): string {
  const widest = Math.max(...rows.map(([left]) => left.length));
  const left = Math.min(widest, 28) + 4;
  const lines = rows.flatMap(([label, text]) => {
    const [first = "", ...rest] = fill(text, WIDTH - left);
    const indent = " ".repeat(left);
    const start = `  ${label}`;
    const head = start.length + 2 <= left ? [start.padEnd(left) + first] : [start, indent + first];
    return [...head, ...rest.map((line) => indent + line)];
  });
  return [title, ...lines].join("\n");
}
