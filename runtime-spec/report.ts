/** What validation finds, and where. */

import { formatJson } from "./json.ts";

/** One thing that is wrong (or doubtful) in a config; `path` reads like `mounts[3].options[0]`. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

export type Key = string | number;

/** Collects what is found, and knows where the walk through a value is. */
export class Report {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  /** The paths of the problems that make a value unfit for the rules about it. */
  readonly misfits: string[] = [];
  /** Whether the value has been changed: see walk(). */
  changed = false;
  readonly #place: Key[] = [];

  enter(key: Key): void {
    this.#place.push(key);
  }

  leave(): void {
    this.#place.pop();
  }

  /** A value here, or `below` here, is not of the kind that the schema asks for. */
  misfit(message: string, ...below: readonly Key[]): void {
    this.misfits.push(this.path(below));
    this.problem(message, ...below);
  }

  /** Something is wrong here, or `below` here. */
  problem(message: string, ...below: readonly Key[]): void {
    this.problems.push({ path: this.path(below), message });
  }

  /** Something is doubtful here, or `below` here; it can be run all the same. */
  warning(message: string, ...below: readonly Key[]): void {
    this.warnings.push({ path: this.path(below), message });
  }

  /** Where the walk is, or a place `below`: `["mounts", 3, "options"]` is written `mounts[3].options`. */
  path(below: readonly Key[] = []): string {
    let path = "";
    for (const key of [...this.#place, ...below]) {
      if (typeof key === "number") path += `[${key}]`;
      else if (!/^\w+$/.test(key)) path += `[${JSON.stringify(key)}]`;
      else path += path === "" ? key : `.${key}`;
    }
    return path;
  }
}

/** A problem as people read it: `config.json: mounts[3].type: must be …`; the whole document has no path. */
export function lineOf(document: string, { path, message }: Problem): string {
  return path === "" ? `${document}: ${message}` : `${document}: ${path}: ${message}`;
}

/** A found value as it stands in the JSON, cut when long. */
export function show(value: unknown): string {
  const text = textOf(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function textOf(value: unknown): string {
  try {
    return String(formatJson(value));
  } catch (error) {
    if (error instanceof RangeError) return "what is nested too deeply to be shown";
    throw error;
  }
}
