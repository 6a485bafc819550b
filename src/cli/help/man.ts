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

export const ENVIRONMENT: readonly (readonly [variable: string, what: string])[] = [
  ["XDG_RUNTIME_DIR", "below it, an ordinary user's containers and server are kept"],
  [
    "TSRUN_SERVE",
    'the socket of the tsrun server, for the server and for commands; with "off" commands use none',
  ],
  ["TSRUN_PATIENCE", "a creation that takes longer than this, such as 100s, fails and is undone"],
  ["TSRUN_FAULTS", "with 1, --fault and the annotation org.tsrun.fault make steps fail on purpose"],
  ["NOTIFY_SOCKET", "as in sd_notify(3): the container gets a socket of its own, and what it says goes on"],
  ["LISTEN_FDS", "as in sd_listen_fds(3): so many descriptors are passed on to the process"],
  ["TRACEPARENT", "the trace that a timeline of --trace is a part of"],
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
    ".SH ENVIRONMENT",
    ...ENVIRONMENT.flatMap(entry),
    ".SH FILES",
    ...FILES.flatMap(entry),
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

const entry = ([name, what]: readonly [string, string]): readonly string[] => [
  ".TP",
  `.I ${argument(name)}`,
  text(`${capital(what)}.`),
];

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
