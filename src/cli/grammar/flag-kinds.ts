/** How the text of a flag's value is read, by the flag's kind. The forms are those of runc's flags. */
import { type Integer, narrowed } from "../../../runtime-spec/int64.ts";
import { readDuration } from "../../kernel/duration.ts";
import type { Flag } from "./table-types.ts";

export type FlagValue = boolean | string | Integer | undefined | readonly string[] | readonly number[];

/** `read` gives undefined for a text that is not of the kind. */
type Kind = {
  readonly expects: string;
  readonly read: (text: string) => string | Integer | boolean | undefined;
};

const INT: Kind = { expects: "a whole number", read: readInt };
const STRING: Kind = { expects: "text", read: (text) => text };

/** `choice` is read as text here; the flag itself knows its choices. */
export const KINDS: { readonly [K in Flag["kind"]]: Kind } = {
  bool: { expects: "true or false", read: readBool },
  string: STRING,
  strings: STRING,
  choice: STRING,
  int: INT,
  ints: INT,
  int64: { expects: INT.expects, read: readWideInt },
  bytes: { expects: "a size in bytes such as 512M, or -1", read: readBytes },
  duration: { expects: "a time such as 500ms or 1m", read: readDuration },
};

export const isRepeatable = (flag: Flag): boolean => flag.kind === "strings" || flag.kind === "ints";

/** The value of a flag that was not given. */
export function absentValue(flag: Flag): FlagValue {
  if (flag.kind === "bool") return false;
  if (isRepeatable(flag)) return [];
  return "default" in flag ? flag.default : undefined;
}

/** The words of Go's strconv.ParseBool. */
function readBool(text: string): boolean | undefined {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  return undefined;
}

/** Decimal, or hexadecimal, octal and binary with their prefixes. `010` is refused: Go reads it as 8. */
function readWideInt(text: string): Integer | undefined {
  const [, sign, digits] = /^([+-]?)(0x[\da-f]+|0o[0-7]+|0b[01]+|0|[1-9]\d*)$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return narrowed(sign === "-" ? -BigInt(digits) : BigInt(digits));
}

/** The same up to 2^53. */
function readInt(text: string): number | undefined {
  const value = readWideInt(text);
  return typeof value === "number" ? value : undefined;
}

/** A number with k, m, g, t or p for powers of 1024, as in 512M, 1.5g or 64KiB; -1 is "no limit". */
function readBytes(text: string): Integer | undefined {
  if (text === "-1") return -1;
  const [, whole, fraction = "", unit] = /^(\d+)(?:\.(\d+))? ?(?:([kmgtp])?i?b?)$/i.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const power = unit === undefined ? 0 : "kmgtp".indexOf(unit.toLowerCase()) + 1;
  return narrowed((BigInt(whole + fraction) << BigInt(10 * power)) / 10n ** BigInt(fraction.length));
}
