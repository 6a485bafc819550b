/**
 * Values of D-Bus types written as text, in GVariant's notation: `true`, `15`, `uint64 10000000`, `'text'`,
 * `['a.service', 'b.service']`, `@as []`. An integer without a type is an int32, a number with a point a double.
 */
import { UserError } from "../kernel/user-error.ts";
import type { Value, Variant } from "./values.ts";

/** Words in front of a value that give its type. */
const TYPE_WORDS: { readonly [word: string]: string } = {
  boolean: "b",
  byte: "y",
  int16: "n",
  uint16: "q",
  int32: "i",
  uint32: "u",
  int64: "x",
  uint64: "t",
  double: "d",
  string: "s",
  objectpath: "o",
  signature: "g",
};

/** What integers may be, as powers of two. */
const RANGES: { readonly [type: string]: readonly [lowest: bigint, highest: bigint] } = {
  y: [0n, 2n ** 8n - 1n],
  n: [-(2n ** 15n), 2n ** 15n - 1n],
  q: [0n, 2n ** 16n - 1n],
  i: [-(2n ** 31n), 2n ** 31n - 1n],
  u: [0n, 2n ** 32n - 1n],
  x: [-(2n ** 63n), 2n ** 63n - 1n],
  t: [0n, 2n ** 64n - 1n],
};

const ESCAPES: { readonly [letter: string]: string } = {
  n: "\n",
  t: "\t",
  r: "\r",
  b: "\b",
  f: "\f",
  v: "\v",
};

const TOKEN =
  /\s*(?:('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(@[a-z()]+|[a-z]+\d*)(?![\w.])|([-+]?(?:0x[\da-f]+|[\d.]+(?:e[-+]?\d+)?))|([[\],]))/iy;

/** @throws UserError that says what is wrong with the text */
export function parseVariant(text: string): Variant {
  const parser = new Parser(text);
  const variant = parser.value(null);
  parser.end();
  return variant;
}

type Token =
  | { readonly kind: "string" | "word" | "number" | "mark"; readonly text: string }
  | { readonly kind: "end" };

class Parser {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The next value; `type` is what something before it says that it must be. */
  value(type: string | null): Variant {
    const token = this.take();
    if (token.kind === "end") throw new UserError("a value is missing");
    if (token.kind === "string") return ofText(type ?? "s", unquoted(token.text));
    if (token.kind === "number") return ofNumber(type, token.text);
    if (token.kind === "mark" && token.text === "[") return this.array(type);
    if (token.kind === "mark") throw new UserError(`"${token.text}" is not a value`);
    if (token.text === "true" || token.text === "false") return ofBoolean(type ?? "b", token.text === "true");
    const named = token.text.startsWith("@") ? token.text.slice(1) : TYPE_WORDS[token.text];
    if (named === undefined) throw new UserError(`"${token.text}" is not a value: put strings in quotes`);
    return this.value(named);
  }

  end(): void {
    const token = this.take();
    if (token.kind !== "end") throw new UserError(`unexpected "${token.text}" after the value`);
  }

  /** The first element's type is that of all. */
  private array(type: string | null): Variant {
    if (type !== null && type[0] !== "a") throw new UserError(`an array is not of the type ${type}`);
    let element = type === null ? null : type.slice(1);
    const values: Value[] = [];
    while (!this.skips("]")) {
      if (values.length > 0 && !this.skips(",")) throw new UserError('"," or "]" is missing');
      const { signature, value } = this.value(element);
      element ??= signature;
      values.push(value);
    }
    if (element === null) throw new UserError('an empty array needs its type: "@as []"');
    return { signature: `a${element}`, value: values };
  }

  private skips(mark: string): boolean {
    const before = this.at;
    const token = this.take();
    if (token.kind === "mark" && token.text === mark) return true;
    this.at = before;
    return false;
  }

  private take(): Token {
    TOKEN.lastIndex = this.at;
    const found = TOKEN.exec(this.text);
    if (found === null) {
      const rest = this.text.slice(this.at).trim();
      if (rest === "") return { kind: "end" };
      throw new UserError(`"${rest}" is not a value`);
    }
    this.at = TOKEN.lastIndex;
    const [, string, word, number, mark] = found;
    if (string !== undefined) return { kind: "string", text: string };
    if (word !== undefined) return { kind: "word", text: word };
    return number === undefined ? { kind: "mark", text: mark ?? "" } : { kind: "number", text: number };
  }
}

function unquoted(text: string): string {
  return text
    .slice(1, -1)
    .replace(/\\(u[\da-f]{4}|U[\da-f]{8}|.)/gi, (_, code: string) =>
      code.length > 1 ? characterOf(code) : (ESCAPES[code] ?? code),
    );
}

function characterOf(code: string): string {
  const number = Number.parseInt(code.slice(1), 16);
  if (number > 0x10_ff_ff) throw new UserError(`"\\${code}" is not a character`);
  return String.fromCodePoint(number);
}

function ofText(type: string, value: string): Variant {
  if (!"sog".includes(type)) throw new UserError(`a string is not of the type ${type}`);
  return { signature: type, value };
}

function ofBoolean(type: string, value: boolean): Variant {
  if (type !== "b") throw new UserError(`a boolean is not of the type ${type}`);
  return { signature: type, value };
}

function ofNumber(type: string | null, text: string): Variant {
  const whole = /^([-+]?)(0x[\da-f]+|\d+)$/i.exec(text);
  if (type === "d" || (type === null && whole === null)) {
    if (!Number.isFinite(Number(text))) throw new UserError(`"${text}" is not a number`);
    return { signature: "d", value: Number(text) };
  }
  const range = RANGES[type ?? "i"];
  if (whole === null || range === undefined) throw new UserError(`${text} is not of the type ${type}`);
  const number = BigInt(whole[2] ?? "") * (whole[1] === "-" ? -1n : 1n);
  if (number < range[0] || number > range[1])
    throw new UserError(`${text} does not fit the type ${type ?? 'int32: write "uint64" in front of it'}`);
  return { signature: type ?? "i", value: number };
}
