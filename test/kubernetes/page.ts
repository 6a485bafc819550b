/** What docs/kubernetes.md shows: commands of root's, and what they print. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

export interface Shown {
  /** As root types it, with the lines of a here-document. */
  readonly command: string;
  readonly output: string;
}

const PAGE = resolve(import.meta.dir, "../../docs/kubernetes.md");

function below(heading: string): string {
  const section = readFileSync(PAGE, "utf8")
    .split(/^## /m)
    .find((one) => one.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`${PAGE} has no heading "${heading}"`);
  return section;
}

/** The messages of the table below a heading of the page. */
export const messagesBelow = (heading: string): readonly string[] =>
  [...below(heading).matchAll(/^\| `(.*?)` \|/gm)].map(([, message = ""]) => message);

/** The commands of the console blocks below a heading of the page. */
export function shownBelow(heading: string): readonly Shown[] {
  return [...below(heading).matchAll(/^```console\n(.*?)^```$/gms)].flatMap(([, text = ""]) =>
    text.split(/^# /m).slice(1).map(shown),
  );
}

function shown(text: string): Shown {
  const lines = text.split("\n");
  const [, end] = /<<'?(\w+)'?/.exec(lines[0] ?? "") ?? [];
  const last = end === undefined ? 0 : lines.indexOf(end);
  return {
    command: lines.slice(0, last + 1).join("\n"),
    output: lines.slice(last + 1).join("\n"),
  };
}

/** What is another each time: ids, addresses, times, ages, and pids. */
const CHANGING =
  /\b[0-9a-f]{12,64}\b|\b\d+(?:\.\d+){3}\b|\b\d{4}-\d\d-\d\dT[\d:.]+Z|\b\d+ (?:seconds?|minutes?) ago|\b(?:\d+m)?\d+s\b|\b\d{2,}\b/g;

/** What stays the same of an output, as columns are wide as their words want. */
export const shapeOf = (output: string) =>
  output
    .replace(CHANGING, "…")
    .replace(/Less than a second ago|About a minute ago/g, "…")
    .split("\n")
    .map((line) => line.trimEnd().replace(/ {2,}/g, "  "))
    .join("\n");
