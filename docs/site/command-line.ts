/** The page about the command line, as Markdown, made from the table that help and the man page come from. */
import { ABOUT, DESCRIPTIONS } from "../../src/cli/grammar/descriptions.ts";
import { type CommandName, commandEntry, GLOBAL_FLAGS, usageLine } from "../../src/cli/grammar/table.ts";
import type { Flag, FlagTable } from "../../src/cli/grammar/table-types.ts";
import { flagSummary, paragraphs, placeholder, shownCommands, shownFlags } from "../../src/cli/help/help.ts";
import { ENVIRONMENT, EXIT_STATUS, FILES } from "../../src/cli/help/man.ts";

export function commandLine(): string {
  return [
    "# The command line",
    "    tsrun [global flags] COMMAND [flags] [arguments]",
    ...prose(ABOUT),
    "`man tsrun` and `tsrun COMMAND --help` say the same.",
    ...table(shownCommands().map((name) => [`[${name}](#${name})`, commandEntry(name).summary])),
    "## Global flags",
    ...flags(GLOBAL_FLAGS),
    ...shownCommands().flatMap(command),
    "## Exit status",
    ...prose(EXIT_STATUS),
    "## Environment",
    ...table(ENVIRONMENT.map(([variable, what]) => [code(variable), plain(what)])),
    "## Files",
    ...table(FILES.map(([path, what]) => [code(path), what])),
  ].join("\n\n");
}

function command(name: CommandName): readonly string[] {
  const { summary, flags: own } = commandEntry(name);
  const { text, examples = [] } = DESCRIPTIONS[name];
  const lines = examples.flatMap(([line, what]) => [`# ${what}`, line]);
  return [
    `## ${name}`,
    `    ${usageLine(name)}`,
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    ...prose(text),
    ...flags(own),
    ...(lines.length > 0 ? [`\`\`\`sh\n${lines.join("\n")}\n\`\`\``] : []),
  ];
}

const flags = (all: FlagTable): readonly string[] => table(shownFlags(all).map(flagRow));

function flagRow([name, flag]: readonly [string, Flag]): readonly [string, string] {
  const short = flag.short === undefined ? "" : `${code(`-${flag.short}`)}, `;
  return [`${short}${code(`--${name} ${placeholder(flag)}`.trim())}`, plain(flagSummary(flag))];
}

/** Two columns without a heading; nothing when there are no rows. */
const table = (rows: readonly (readonly [string, string])[]): readonly string[] =>
  rows.length === 0
    ? []
    : [["| | |", "|---|---|", ...rows.map((row) => `| ${row.map(inCell).join(" | ")} |`)].join("\n")];

const inCell = (words: string) => words.replaceAll("|", "\\|");

const prose = (text: string): readonly string[] => paragraphs(text).map(plain);

/** Words that mean nothing to Markdown, but for what stands in quotation marks, which is typed. */
const plain = (words: string) =>
  words
    .replace(/[\\*_<>[\]#]/g, "\\$&")
    .replace(/"([^"]+)"/g, (_, typed: string) => code(typed.replace(/\\(.)/g, "$1")));

const code = (words: string) => `\`${words}\``;
