/**
 * A header of a tar archive: 512 bytes, as pax (POSIX.1-2001), GNU tar and those before them write it.
 *
 * What is ambiguous in the formats is read as Go's archive/tar reads it, as images are made and unpacked with that
 * elsewhere: an archive must not have another content here than there.
 */
import type { FileTime } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";
import { latin1 } from "../names.ts";

export const BLOCK = 512;

/** The fields of a header, as [offset, length]. */
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  link: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const satisfies Record<string, readonly [number, number]>;

type FieldName = keyof typeof FIELDS;

const MAGIC = { ustar: "ustar\u000000", gnu: "ustar  \0" };

/** What an entry of an archive is, by its typeflag. Old archives have NUL for files, and for directories by their name. */
export const TYPES = {
  "0": "file",
  "7": "file",
  "1": "hard link",
  "2": "symlink",
  "3": "character device",
  "4": "block device",
  "5": "directory",
  "6": "fifo",
  S: "file",
} as const;

export type EntryType = (typeof TYPES)[keyof typeof TYPES];

/** A header's own words, before those of extended headers. Names are bytes, a character each (latin1). */
export interface Header {
  readonly typeflag: string;
  readonly isGnu: boolean;
  readonly name: string;
  readonly link: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: FileTime;
  readonly device: readonly [major: number, minor: number];
  /** For what only some types have. */
  readonly block: Uint8Array;
}

const SPACE = 0x20;

/** @throws UserError when it is none */
export function readHeader(block: Uint8Array): Header {
  const found = value(block, "checksum");
  if (found !== checksum(block, (byte) => byte) && found !== checksum(block, signed))
    throw new UserError("is damaged: a header's checksum is wrong (or this is no tar archive)");
  const magic = bytes(block, "magic");
  const [isGnu, isUstar] = [magic === MAGIC.gnu, magic === MAGIC.ustar];
  const typeflag = bytes(block, "type");
  const hasDevice = (isGnu || isUstar) && (typeflag === "3" || typeflag === "4");
  const prefix = isUstar ? text(block, "prefix") : "";
  const name = text(block, "name");
  return {
    ...{
      typeflag,
      isGnu,
      block,
      name: prefix === "" ? name : `${prefix}/${name}`,
      link: text(block, "link"),
    },
    ...{ mode: number(block, "mode"), uid: number(block, "uid"), gid: number(block, "gid") },
    ...{ size: number(block, "size"), mtime: { seconds: number(block, "mtime"), nanoseconds: 0 } },
    device: hasDevice ? [number(block, "major"), number(block, "minor")] : [0, 0],
  };
}

/** The sum of all bytes, of those of the checksum itself as if they were spaces. */
function checksum(block: Uint8Array, value: (byte: number) => number): number {
  const [from, length] = FIELDS.checksum;
  let sum = 0;
  for (let at = 0; at < BLOCK; at++) sum += at >= from && at < from + length ? SPACE : value(block[at] ?? 0);
  return sum;
}

/** Some old programs have summed up signed characters. */
const signed = (byte: number) => (byte < 0x80 ? byte : byte - 0x100);

function bytes(block: Uint8Array, field: FieldName): string {
  const [from, length] = FIELDS[field];
  return latin1(block.subarray(from, from + length));
}

function text(block: Uint8Array, field: FieldName): string {
  return untilNul(bytes(block, field));
}

export function untilNul(value: string): string {
  const end = value.indexOf("\0");
  return end < 0 ? value : value.slice(0, end);
}

function number(block: Uint8Array, field: FieldName): number {
  return checked(value(block, field), field);
}

function value(block: Uint8Array, field: FieldName): number {
  const [from, length] = FIELDS[field];
  return parsed(block.subarray(from, from + length));
}

/** @throws UserError */
export const readNumber = (field: Uint8Array, what: string): number => checked(parsed(field), what);

function checked(number: number, what: string): number {
  if (Number.isSafeInteger(number)) return number;
  throw new UserError(`has a ${what} that is no number, or beyond 2^53`);
}

/** A number in octal digits, or in binary where the first bit is set. */
function parsed(field: Uint8Array): number {
  const [first = 0] = field;
  return (first & 0x80) === 0 ? octal(field) : binary(field);
}

function octal(field: Uint8Array): number {
  const digits = latin1(field)
    .replace(/^[ \0]+/, "")
    .replace(/[ \0]+$/, "");
  if (digits === "") return 0;
  return /^[0-7]+$/.test(untilNul(digits)) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** Big-endian, in two's complement; the first bit is a mark, the second the sign. */
function binary(field: Uint8Array): number {
  const [first = 0, ...rest] = field;
  const isNegative = (first & 0x40) !== 0;
  let value = isNegative ? -1 : 0;
  for (const byte of [isNegative ? first | 0x80 : first & 0x7f, ...rest]) value = value * 256 + byte;
  return value;
}
