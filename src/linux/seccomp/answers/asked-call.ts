/** A system call as people write it: `socket(AF_ALG)`, `clone(CLONE_NEWUSER|SIGCHLD)`, `openat(_, "/x", O_RDWR)`, `452`. */
import { nearest } from "../../../../runtime-spec/nearest.ts";
import { ASKED } from "../../../kernel/spell/asked.ts";
import { FAMILIES } from "../../../kernel/spell/families.ts";
import * as constants from "../../../kernel/spell/names.ts";
import { UserError } from "../../../kernel/user-error.ts";
import { MOST_ARGUMENTS } from "./outcomes.ts";

export interface AskedCall {
  /** As it was written. */
  readonly text: string;
  /** A name, or a number of this machine's own architecture. */
  readonly call: string | number;
  /** Null for one that may be anything. */
  readonly args: readonly (bigint | null)[];
}

/** @throws UserError */
export function parseCall(text: string): AskedCall {
  const [, call = "", list] = /^\s*(\w+)\s*(?:\((.*)\))?\s*;?\s*$/s.exec(text) ?? [];
  if (call === "") refuse(text, "is no system call: write its name, or as in 'socket(AF_ALG)'");
  const words = list === undefined || list.trim() === "" ? [] : split(list);
  if (words.length > MOST_ARGUMENTS) refuse(text, "has more than six arguments");
  return {
    text: text.trim().replace(/\s*;$/, ""),
    call: /^\d/.test(call) ? Number(integer(text, call)) : call,
    args: words.map((word) => argument(text, word.trim())),
  };
}

/** At commas that are not in a string, a structure or brackets. */
function split(list: string): readonly string[] {
  return list.match(/(?:"(?:\\.|[^"])*"|\{[^}]*\}|\([^)]*\)|[^,])+|(?<=,)(?=,|$)|^(?=,)/g) ?? [];
}

/** What a filter cannot see, memory that an argument points to, may be anything too. */
const ANYTHING = /^(|_|\*|\?|\.\.\.|".*"|\{.*\}|&.*)$/s;

function argument(text: string, word: string): bigint | null {
  if (ANYTHING.test(word)) return null;
  let value = 0n;
  for (const part of word.split("|")) value |= term(text, part.trim());
  return BigInt.asUintN(64, value);
}

function term(text: string, word: string): bigint {
  const [, base = "", shift] = /^(.*?)\s*(?:<<\s*(\d+))?$/.exec(word) ?? [];
  if (shift !== undefined) return term(text, base) << BigInt(shift);
  const [, sign = "", rest = ""] = /^([-~]?)\s*(.*)$/.exec(base) ?? [];
  const value = /^\d/.test(rest) ? integer(text, rest) : constant(text, rest);
  return sign === "-" ? -value : sign === "~" ? ~value : value;
}

/** As C reads it: 0x for hexadecimal, a leading 0 for octal. */
function integer(text: string, word: string): bigint {
  const digits = word.replace(/[uU]?[lL]{0,2}$/, "");
  if (/^0x[\da-f]+$/i.test(digits) || /^(0|[1-9]\d*)$/.test(digits)) return BigInt(digits);
  if (/^0[0-7]+$/.test(digits)) return BigInt(`0o${digits.slice(1)}`);
  return refuse(text, `${word} is no number`);
}

/** Other names of the same. */
const ALSO: { readonly [name: string]: bigint } = {
  NULL: 0n,
  AF_LOCAL: BigInt(constants.AF_UNIX),
  SIGCLD: 17n,
};

const known = new Map<string, bigint>([
  ...Object.entries({ ...constants, ...ASKED }).flatMap(([name, value]) =>
    typeof value === "number" ? [[name, BigInt(value)] as const] : [],
  ),
  ...Object.values(FAMILIES).flat(),
  ...Object.entries(ALSO),
]);

function constant(text: string, name: string): bigint {
  const value = known.get(name.replace(/^PF_/, "AF_"));
  if (value !== undefined) return value;
  const meant = nearest(name, [...known.keys()]);
  const guess = meant === undefined ? "" : ` (did you mean ${meant}?)`;
  return refuse(
    text,
    `${name === "" ? "an argument" : name} is no constant that tsrun knows${guess}: write its value, or _ for any`,
  );
}

function refuse(text: string, problem: string): never {
  throw new UserError(JSON.stringify(text), problem);
}
