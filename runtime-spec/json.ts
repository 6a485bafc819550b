/** Reading the JSON that callers hand in. */

import { integerIn } from "./int64.ts";
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

/** Throws a `JsonError` that says where `text`, the content of `file`, stops being JSON. Integers are as in readJson. */
export function parseJson(text: string, file: string): unknown {
  try {
    return readJson(text);
  } catch (error) {
    // JSON.parse tells no position, but it is fast: the text is read again only when it is wrong.
    const { offset, message } = findSyntaxError(text) ?? { offset: text.length, message: wordsOf(error) };
    const before = text.slice(0, offset).split("\n");
    throw new JsonError(file, before.length, (before.at(-1) ?? "").length + 1, message);
  }
}

const wordsOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The fewest digits that may be beyond 2^53, below which a double holds all integers. */
const MANY_DIGITS = /\d{16}/;
/** The same where a number may stand, and not in the middle of a word. */
const LONG_NUMBER = /[\s:,[]-?\d{16}/;

/** JSON.parse, but integers beyond 2^53 are bigints, exact to the last digit: see int64.ts. @throws SyntaxError */
export function readJson(text: string): unknown {
  // Few texts have such a number; to look for one takes 0.03 ms.
  if (!MANY_DIGITS.test(text) || !LONG_NUMBER.test(text)) return JSON.parse(text);
  const parse = JSON.parse as ParseWithSource;
  try {
    return parse(text, (_, value, { source = "" }) =>
      typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
        ? integerIn(source)
        : value,
    );
  } catch (error) {
    // With a function JSON.parse calls itself for each level; without one it doesn't.
    throw error instanceof RangeError ? new SyntaxError("is nested too deeply") : error;
  }
}

// What follows is ES2026, and not in TypeScript's library yet.
type ParseWithSource = (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;
type RawJson = { rawJSON(text: string): object };

/** What readJson reads, as JSON again: bigints become numbers. */
export function formatJson(value: unknown): string {
  try {
    return JSON.stringify(value); // which refuses bigints, and is faster without a function
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const { rawJSON } = JSON as unknown as RawJson;
    return JSON.stringify(value, (_, part: unknown) =>
      typeof part === "bigint" ? rawJSON(String(part)) : part,
    );
  }
}
