/** What a page of docs/ shows: commands, and what they print. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const DOCS = resolve(import.meta.dir, "../../docs");

interface Shown {
  /** As it is typed, with the lines of a here-document, of a loop, and those that go on. */
  readonly command: string;
  readonly output: string;
}

export interface Section {
  readonly page: string;
  /** The title of the page for what is above its first heading. */
  readonly heading: string;
  /** The messages of its table: the first cells, where these are code. */
  readonly messages: readonly string[];
  /** The commands of its console blocks. */
  readonly shown: readonly Shown[];
}

/** The pages that have sections. */
export const pages = (): readonly string[] => [...new Bun.Glob("**/*.md").scanSync(DOCS)];

/** The sections of a page, such as `kubernetes.md`. */
export function sectionsOf(page: string): readonly Section[] {
  const texts = readFileSync(join(DOCS, page), "utf8").replace(/^# /, "").split(/^## /m);
  return texts.map((text) => section(page, text));
}

/** Throws where the page has no such heading. */
export function below(page: string, heading: string): Section {
  const found = sectionsOf(page).find((one) => one.heading === heading);
  if (found === undefined) throw new Error(`docs/${page} has no heading "${heading}"`);
  return found;
}

function section(page: string, text: string): Section {
  return {
    page,
    heading: text.slice(0, text.indexOf("\n")),
    messages: [...text.matchAll(/^\| `(.*?)` \|/gm)].map(([, message = ""]) => message),
    shown: [...text.matchAll(/^```console\n(.*?)^```$/gms)].flatMap(([, block = ""]) => commandsIn(block)),
  };
}

/** The commands of a console block, each behind a prompt. */
export function commandsIn(block: string): readonly Shown[] {
  const [before, ...commands] = block.split(/^[#$] /m);
  if (before !== "") throw new Error(`a console block starts without a prompt: ${before}`);
  return commands.map(shown);
}

function shown(text: string): Shown {
  const lines = text.split("\n");
  const last = lines.findIndex(endOf(lines[0] ?? ""));
  return { command: lines.slice(0, last + 1).join("\n"), output: lines.slice(last + 1).join("\n") };
}

/** Tells the last line of a command by its first one. */
function endOf(first: string): (line: string) => boolean {
  const [, end = first.endsWith("; do") ? "  done" : null] = /<<'?(\w+)'?/.exec(first) ?? [];
  return end === null ? (line) => !line.endsWith("\\") : (line) => line === end;
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
    /^ {4}[2-9](?= )/, // in ps
    /Less than a second ago|About a minute ago/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "gm",
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
