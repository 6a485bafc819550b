/** Reading the JSON that callers hand in. */

/** Text that is not JSON; `line` and `column` count from 1. */
export class JsonError extends Error {
  readonly file: string;
  readonly line: number;
  readonly column: number;

  constructor(file: string, line: number, column: number, message: string) {
    super(message);
    this.name = "JsonError";
    this.file = file;
    this.line = line;
    this.column = column;
  }
}

/** Throws a `JsonError` that says where the text stops being JSON. */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new JsonError(file, 1, 1, String(error));
  }
}
