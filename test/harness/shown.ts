/** What a page of docs/ shows: commands of root's, and what they print. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const DOCS = resolve(import.meta.dir, "../../docs");

export interface Shown {
  /** As root types it, with the lines of a here-document and those of a loop. */
  readonly command: string;
  readonly output: string;
}

interface Section {
  readonly heading: string;
  /** The messages of its table: the first cells, where these are code. */
  readonly messages: readonly string[];
  /** The commands of its console blocks. */
  readonly shown: readonly Shown[];
}

/** The sections of a page, such as `kubernetes.md`. */
export function sectionsOf(page: string): readonly Section[] {
  return readFileSync(join(DOCS, page), "utf8").split(/^## /m).slice(1).map(section);
}

/** Throws where the page has no such heading. */
export function below(page: string, heading: string): Section {
  const found = sectionsOf(page).find((one) => one.heading === heading);
  if (found === undefined) throw new Error(`docs/${page} has no heading "${heading}"`);
  return found;
}

function section(text: string): Section {
  return {
    heading: text.slice(0, text.indexOf("\n")),
    messages: [...text.matchAll(/^\| `(.*?)` \|/gm)].map(([, message = ""]) => message),
    shown: [...text.matchAll(/^```console\n(.*?)^```$/gms)].flatMap(([, block = ""]) =>
      block.split(/^# /m).slice(1).map(shown),
    ),
  };
}

function shown(text: string): Shown {
  const lines = text.split("\n");
  const last = lines.indexOf(lastOf(lines[0] ?? ""), 1);
  return {
    command: lines.slice(0, Math.max(last, 0) + 1).join("\n"),
    output: lines.slice(Math.max(last, 0) + 1).join("\n"),
  };
}

/** What ends a command that goes on for some lines. */
function lastOf(first: string): string {
  const [, end] = /<<'?(\w+)'?/.exec(first) ?? [];
  return end ?? (first.endsWith("; do") ? "  done" : first);
}

/** What is another each time: ids, addresses, times, ages, sizes, and pids. */
const CHANGING = RegExp(
  [
    /\b[0-9a-f]{12,64}\b/,
    /\b\d+(?:\.\d+){3}\b/,
    /\b\d{4}-\d\d-\d\dT[\d:.]+Z/,
    /\b\d+ (?:seconds?|minutes?) ago/,
    /\b(?:\d+m)?\d+s\b/,
    /\b(?:\d+ min )?\d+(?:\.\d+)? (?:s|ms|[kM]?B)\b/,
    /\b\d+\.\d+\b/,
    /\b\d{2,}\b/,
    /Less than a second ago|About a minute ago/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "g",
);

const NAMESPACE = /\b[a-z]+:\[\d+\]/g;

/**
 * What stays the same of an output, as columns are wide as their words want. Namespaces are named in the order in which they
 * come, so that those which were the same still are.
 */
export function shapeOf(output: string): string {
  const namespaces = [...new Set(output.match(NAMESPACE))];
  return output
    .replace(NAMESPACE, (name) => `namespace-${namespaces.indexOf(name)}`)
    .replace(CHANGING, "…")
    .split("\n")
    .map((line) => line.trim().replace(/ {2,}/g, "  "))
    .join("\n");
}
