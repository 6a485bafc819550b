/** The manual page, tsrun(8), as roff with the man(7) macros, made from the table. */
import { ABOUT, DESCRIPTIONS } from "../grammar/descriptions.ts";
import { type CommandName, commandEntry, GLOBAL_FLAGS } from "../grammar/table.ts";
import type { Flag, FlagTable } from "../grammar/table-types.ts";
import { flagSummary, paragraphs, placeholder, shownCommands, shownFlags } from "./help.ts";

export const EXIT_STATUS = `
0 on success, 1 on an error, which is printed and, with --log, appended to the log. "run" and "exec"
without --detach give the exit status of the process: 128 and the signal's number if a signal ended it;
255 is an "exec" that has failed before. "verify" and "check" say no with 1, "seccomp" with 3.`;

export const FILES: readonly (readonly [path: string, what: string])[] = [
  ["config.json", "in a bundle: what to run and how to confine it"],
  ["/run/tsrun/ID", "state of the container ID"],
  ["/run/tsrun-serve.sock", "where root's commands find a tsrun server"],
];

/** The page, of these commands. */
export function manPage(version: string, commands = shownCommands()): string {
  const examples = commands.flatMap((name) => DESCRIPTIONS[name].examples ?? []);
  return [
    `.TH TSRUN 8 "" ${argument(`tsrun ${version}`)} "System Administration"`,
    ".nh",
    ".ad l",
    ".SH NAME",
    "tsrun \\- an OCI container runtime",
    ".SH SYNOPSIS",
    ...synopsis("tsrun", ["[global flags]", "COMMAND", "[flags]", "[arguments]"]),
    ".SH DESCRIPTION",
    ...prose(ABOUT),
    ".SH GLOBAL FLAGS",
    ...flagList(GLOBAL_FLAGS),
    ".SH COMMANDS",
    "A flag is written --flag VALUE or --flag=VALUE; of a flag that is repeated, the last one counts.",
    ...commands.flatMap(commandSection),
    ".SH EXIT STATUS",
    ...prose(EXIT_STATUS),
    ".SH FILES",
    ...FILES.flatMap(([path, what]) => [".TP", `.I ${argument(path)}`, text(`${capital(what)}.`)]),
    ...(examples.length > 0 ? [".SH EXAMPLES", ...examples.flatMap(example)] : []),
    ".SH SEE ALSO",
    ".BR runc (8),",
    ".BR crun (1),",
    ".BR namespaces (7),",
    ".BR cgroups (7),",
    ".BR capabilities (7)",
    "",
  ].join("\n");
}

function commandSection(name: CommandName): readonly string[] {
  const { summary, flags, args } = commandEntry(name);
  const words = Object.keys(flags).length > 0 ? ["[flags]", ...args] : args;
  return [
    `.SS ${name}`,
    ...synopsis(`tsrun ${name}`, words),
    ".PP",
    text(`${capital(summary)}.`),
    ".PP",
    ...prose(DESCRIPTIONS[name].text),
    ...flagList(flags),
  ];
}

const synopsis = (command: string, words: readonly string[]): readonly string[] => [
  `.B ${command}`,
  ...words.map((word) => `.RI ${italicLetters(word)}`),
];

/** `[SIGNAL]` as roman brackets around italic letters, for .RI. */
function italicLetters(word: string): string {
  const [, before = "", letters = "", after = ""] = /^(\[?)(.*?)((?:\.\.\.)?\]?)$/.exec(word) ?? [];
  return [before, letters, after].map(argument).join(" ");
}

const flagList = (flags: FlagTable): readonly string[] => shownFlags(flags).flatMap(flagEntry);

function flagEntry([name, flag]: readonly [string, Flag]): readonly string[] {
  const short = flag.short === undefined ? "" : `\\fB\\-${flag.short}\\fR, `;
  const value = placeholder(flag) && ` \\fI${text(placeholder(flag))}\\fR`;
  return [".TP", `${short}\\fB\\-\\-${text(name)}\\fR${value}`, text(`${capital(flagSummary(flag))}.`)];
}

const example = ([line, what]: readonly [string, string]): readonly string[] => [
  ".PP",
  text(`${capital(what)}${what.endsWith("?") ? "" : ":"}`),
  ".PP",
  ".in +4n",
  ".EX",
  text(line),
  ".EE",
  ".in",
];

/** Paragraphs, with .PP between them. */
const prose = (filled: string): readonly string[] =>
  paragraphs(filled).flatMap((paragraph, position) =>
    position === 0 ? [text(paragraph)] : [".PP", text(paragraph)],
  );

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

/** Text that roff prints as it is: no escapes, no request at the start of a line, hyphens of the keyboard. */
function text(plain: string): string {
  const escaped = plain
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("~", "\\(ti")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha");
  return escaped.startsWith(".") ? `\\&${escaped}` : escaped;
}

const argument = (plain: string): string => `"${text(plain).replaceAll('"', "\\(dq")}"`;
