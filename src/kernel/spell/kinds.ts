/** The kinds of arguments that system calls have, and how strace(1) prints each. */
import type { Argument, Call } from "../call.ts";
import { AT_FDCWD, O_ACCMODE, O_CREAT, O_PATH, S_IFMT } from "../constants.ts";
import { deviceNumber } from "../structs.ts";
import { FAMILIES, type Family } from "./families.ts";

/** How one argument of a call is printed; null leaves it out, as it says nothing. */
export type Kind = (argument: Argument, call: Call) => string | null;

/** A kind for numbers; what an earlier step will have returned is `$7`. */
const ofNumbers =
  (print: (value: bigint, call: Call) => string | null): Kind =>
  (argument, call) => {
    if (typeof argument === "number" || typeof argument === "bigint") return print(BigInt(argument), call);
    return other(argument);
  };

/** A kind for memory of the call. */
export const ofBytes =
  (print: (bytes: DataView<ArrayBufferLike>) => string): Kind =>
  (argument) => {
    if (!(argument instanceof Uint8Array)) return argument === 0 ? "NULL" : other(argument);
    return print(new DataView(argument.buffer, argument.byteOffset, argument.byteLength));
  };

/** What is printed in the same way wherever it stands. */
function other(argument: Argument): string {
  if (typeof argument === "string") return JSON.stringify(argument);
  if (argument instanceof Uint8Array) return bytes(argument);
  if (typeof argument !== "object") return String(argument);
  if ("step" in argument) return `$${argument.step}`;
  if ("room" in argument) return `<${argument.room} bytes>`;
  return `[${argument.texts.map((one) => JSON.stringify(one)).join(", ")}]`;
}

/** Longer texts are cut off here. */
const LONGEST_TEXT = 80;

/** Text as a string, without the final NUL; other memory as its length. */
function bytes(memory: Uint8Array): string {
  const text = new TextDecoder().decode(memory).replace(/\0+$/, "");
  if (text === "" || /[^\P{Cc}\n\t]|\ufffd/u.test(text)) return `<${memory.byteLength} bytes>`;
  return text.length <= LONGEST_TEXT
    ? JSON.stringify(text)
    : `${JSON.stringify(text.slice(0, LONGEST_TEXT))}...`;
}

/** A value without a name, marked as strace(1) marks it: with the family's name and question marks in a comment. */
function unknown(value: bigint, families: readonly Family[]): string {
  const [[name = ""] = []] = families.flat();
  return `0x${value.toString(16)} /* ${name.replace(/_.*/, "")}_??? */`;
}

/** `MS_SLAVE|MS_REC`: the flags in a value, family by family. */
export function flagsIn(value: bigint, ...families: readonly Family[]): string {
  let rest = value;
  const words: string[] = [];
  for (const [name, flag] of families.flat()) {
    if (flag === 0n || (rest & flag) !== flag) continue;
    words.push(name);
    rest &= ~flag;
  }
  if (rest !== 0n) words.push(unknown(rest, families));
  return words.join("|") || "0";
}

/** The name that a value has in the first family that knows it. */
export function nameIn(value: bigint, ...families: readonly Family[]): string {
  const [name] = families.flat().find(([, known]) => known === value) ?? [];
  return name ?? unknown(value, families);
}

/** `O_RDWR|O_CLOEXEC`. With O_PATH a file is opened neither to read nor to write. */
export function openFlags(value: bigint): string {
  const access = value & BigInt(O_ACCMODE);
  const words = flagsIn(value & ~BigInt(O_ACCMODE), FAMILIES.O).replace(/^0$/, "");
  if ((value & BigInt(O_PATH)) !== 0n) return words;
  return [nameIn(access, FAMILIES.O_ACCESS), words].filter((word) => word !== "").join("|");
}

/** `0755` */
export const octal = (value: bigint) => (value === 0n ? "0" : `0${value.toString(8)}`);

export const flags = (...families: readonly Family[]) => ofNumbers((value) => flagsIn(value, ...families));
export const oneOf = (...families: readonly Family[]) => ofNumbers((value) => nameIn(value, ...families));
/** -1 where the kernel takes an unsigned number, as for "leave it as it is". */
export const number = ofNumbers((value) => String(value));
/** A number that does not matter where it is 0. */
export const unlessZero = ofNumbers((value) => (value === 0n ? null : String(value)));
export const address = ofNumbers((value) => (value === 0n ? "NULL" : `0x${value.toString(16)}`));
export const descriptor = ofNumbers((value) => (value === BigInt(AT_FDCWD) ? "AT_FDCWD" : String(value)));
/** The last descriptor of close_range(2): usually the greatest possible. */
export const lastDescriptor = ofNumbers((value) => (value === 0xffff_ffffn ? "~0U" : String(value)));
export const mode = ofNumbers(octal);
/** A mode that counts only for a file that is made. */
export const modeIfMade = ofNumbers((value, { args: [, , given] }) =>
  typeof given === "number" && (given & O_CREAT) !== 0 ? octal(value) : null,
);
/** `S_IFCHR|0666` */
export const fileType = ofNumbers((value) => {
  const type = value & BigInt(S_IFMT);
  return type === 0n ? octal(value) : `${nameIn(type, FAMILIES.S_IF)}|${octal(value & ~type)}`;
});
export const device = ofNumbers((value) =>
  value === 0n ? null : `makedev(${deviceNumber(Number(value)).join(", ")})`,
);
export const opened = ofNumbers(openFlags);
/** A path, a name or data; 0 stands for none. */
export const text: Kind = (argument) => (argument === 0 ? "NULL" : other(argument));
/** How many strings there are: an environment would fill the screen. */
export const variables: Kind = (argument) =>
  typeof argument === "object" && "texts" in argument
    ? `<${argument.texts.length} variables>`
    : other(argument);
