/** Reading the JSON that callers hand in. */

import { findSyntaxError } from "./json-position.ts";

/** Text that is not JSON. `line` and `column` (in characters) count from 1. */
export class JsonError extends Error {
  readonly file: string;
  readonly line: number;
  readonly column: number;

  constructor(file: string, line: number, column: number, message: string) {
    super(`${file}:${line}:${column}: ${message}`);
    this.name = "JsonError";
    this.file = file;
    this.line = line;
    this.column = column;
  }
}

/** Throws a `JsonError` that says where `text`, the content of `file`, stops being JSON. */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // JSON.parse tells no position, but it is fast: the text is read again only when it is wrong.
    const { offset, message } = findSyntaxError(text) ?? { offset: text.length, message: String(error) };
    const before = text.slice(0, offset).split("\n");
    throw new JsonError(file, before.length, (before.at(-1) ?? "").length + 1, message);
  }
}
