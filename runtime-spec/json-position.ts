/** Finds where a text stops being JSON (RFC 8259), which JSON.parse does not tell. */

export interface SyntaxProblem {
  /** Where in the text, in UTF-16 units from 0. */
  readonly offset: number;
  readonly message: string;
}

/** What may come next, worded for "expected …". */
type Expected =
  | "a value"
  | 'a value or "]"'
  | 'a property name in double quotes or "}"'
  | "a property name in double quotes"
  | '":"'
  | '"," or "}"'
  | '"," or "]"'
  | "the end";

type Token = "{" | "}" | "[" | "]" | ":" | "," | "string" | "literal" | "end" | "other";

/** A value is over, a bracket opens or closes, or what is expected next. */
type Move = "done" | "open" | "close" | Expected;

const VALUE = { string: "done", literal: "done", "{": "open", "[": "open" } as const;

type Grammar = { readonly [state in Expected]: { readonly [token in Token]?: Move } };

/** A function, as few texts are wrong. */
const grammar = (): Grammar => ({
  "a value": VALUE,
  'a value or "]"': { ...VALUE, "]": "close" },
  'a property name in double quotes or "}"': { string: '":"', "}": "close" },
  "a property name in double quotes": { string: '":"' },
  '":"': { ":": "a value" },
  '"," or "}"': { ",": "a property name in double quotes", "}": "close" },
  '"," or "]"': { ",": "a value", "]": "close" },
  "the end": { end: "the end" },
});

/** Undefined when the text is JSON. */
export function findSyntaxError(text: string): SyntaxProblem | undefined {
  const open: Token[] = [];
  const moves = grammar();
  let expected: Expected = "a value";
  for (let offset = 0; ; ) {
    const token = tokenAt(text, offset);
    const move: Move | undefined = moves[expected][token.kind];
    if (move === undefined) return { offset: token.start, message: complain(expected, token, text) };
    if (token.kind === "end") return undefined;
    if (move === "open") open.push(token.kind);
    if (move === "close") open.pop();
    expected =
      move === "open" ? inside(token.kind) : move === "done" || move === "close" ? after(open) : move;
    offset = token.end;
  }
}

function inside(bracket: Token): Expected {
  return bracket === "{" ? 'a property name in double quotes or "}"' : 'a value or "]"';
}

function after(open: readonly Token[]): Expected {
  const innermost = open.at(-1);
  if (innermost === undefined) return "the end";
  return innermost === "{" ? '"," or "}"' : '"," or "]"';
}

interface Found {
  readonly kind: Token;
  readonly start: number;
  readonly end: number;
}

const BLANKS = /[ \t\n\r]*/y;
/** Its characters are those from the space on, but the quote and the backslash. */
const STRING = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const LITERAL = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y;

function tokenAt(text: string, offset: number): Found {
  const start = endOf(BLANKS, text, offset) ?? offset;
  const char = text.charAt(start);
  switch (char) {
    case "":
      return { kind: "end", start, end: start };
    case "{":
    case "}":
    case "[":
    case "]":
    case ":":
    case ",":
      return { kind: char, start, end: start + 1 };
  }
  const string = endOf(STRING, text, start);
  if (string !== undefined) return { kind: "string", start, end: string };
  const literal = endOf(LITERAL, text, start);
  if (literal !== undefined) return { kind: "literal", start, end: literal };
  return { kind: "other", start, end: start + 1 };
}

function endOf(sticky: RegExp, text: string, offset: number): number | undefined {
  sticky.lastIndex = offset;
  return sticky.test(text) ? sticky.lastIndex : undefined;
}

function complain(expected: Expected, found: Found, text: string): string {
  if (found.kind === "end") return `expected ${expected}, found the end of the text`;
  if (found.kind === "other") return complainOfOther(expected, text, found.start);
  const comma = expected === "a property name in double quotes" || expected === "a value";
  const closes = found.kind === "}" || found.kind === "]";
  const hint =
    comma && closes && /,\s*$/.test(text.slice(0, found.start)) ? " (one comma too many before it)" : "";
  return `expected ${expected}, found ${JSON.stringify(text.slice(found.start, found.end))}${hint}`;
}

/** What is no token at all: mostly a string that does not end, a comment, or a word without quotes. */
function complainOfOther(expected: Expected, text: string, start: number): string {
  const rest = text.slice(start);
  if (rest.startsWith('"'))
    return "the string is not closed on its line, or has a wrong escape or a control character";
  if (rest.startsWith("//") || rest.startsWith("/*"))
    return `expected ${expected}, found a comment (JSON has none)`;
  if (rest.startsWith("\ufeff")) return `expected ${expected}, found a byte order mark (JSON has none)`;
  const word = /^[^\s"{}[\]:,]+/.exec(rest)?.[0] ?? rest.slice(0, 1);
  return `expected ${expected}, found ${JSON.stringify(word.slice(0, 40))}`;
}
