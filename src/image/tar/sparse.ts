/**
 * Sparse files, in the four forms that GNU tar has had (its manual, "Storing Sparse Files"): the archive has only the
 * parts that are not holes, one after the other, and a map that says where they belong.
 */
import { UserError } from "../../kernel/user-error.ts";
import type { ByteStream } from "./byte-stream.ts";
import { BLOCK, type Header, readNumber } from "./header.ts";
import type { PaxRecords } from "./pax.ts";

/** A part of a file that is not a hole. */
interface Part {
  readonly offset: number;
  readonly length: number;
}

export interface Sparse {
  /** In order. */
  readonly parts: readonly Part[];
  /** The file's size, holes and all. */
  readonly size: number;
  /** How many bytes of the entry's content the map took, before that of the parts. */
  readonly mapSize: number;
}

/** As many as Go's reader takes in bytes: each part has some. */
const MOST_PARTS = (1 << 20) / 24;

/** The map of an entry; null when it is not sparse. Reads on in the archive where the map is there. @throws UserError */
export async function readSparse(
  header: Header,
  pax: PaxRecords,
  size: number,
  stream: ByteStream,
): Promise<Sparse | null> {
  const found = await read(header, pax, stream);
  if (found !== null) check(found, size);
  return found;
}

async function read(header: Header, pax: PaxRecords, stream: ByteStream): Promise<Sparse | null> {
  if (header.typeflag === "S") {
    if (!header.isGnu) throw new UserError("is a sparse file (S) in an archive that is not GNU tar's");
    return await ofOldGnu(header.block, stream);
  }
  const [major, minor] = [pax.get("GNU.sparse.major"), pax.get("GNU.sparse.minor")];
  if (major === "1" && minor === "0") return await ofOne(pax, stream);
  const isZero = major === "0" && (minor === "0" || minor === "1");
  const hasMap = ["map", "offset"].some((key) => pax.get(`GNU.sparse.${key}`) !== undefined);
  if (isZero || (major === undefined && minor === undefined && hasMap)) return ofZero(pax);
  return null;
}

/** Where the old form has its map: four parts in the header, and 21 in each block that follows. */
const OLD = { map: 386, parts: 4, isExtended: 482, size: 483, moreParts: 21, moreExtended: 504 };
const NUMBER = 12;

async function ofOldGnu(block: Uint8Array, stream: ByteStream): Promise<Sparse> {
  const parts: Part[] = [];
  const size = readNumber(block.subarray(OLD.size, OLD.size + NUMBER), "size");
  addOld(parts, block.subarray(OLD.map), OLD.parts);
  for (let isExtended = block[OLD.isExtended] !== 0; isExtended; ) {
    const more = await stream.take(BLOCK);
    if (more.byteLength < BLOCK) throw new UserError("ends in the middle of a sparse file's map");
    isExtended = more[OLD.moreExtended] !== 0;
    addOld(parts, more, OLD.moreParts);
  }
  return { parts, size, mapSize: 0 };
}

function addOld(parts: Part[], map: Uint8Array, count: number): void {
  for (let at = 0; at < count * 2 * NUMBER; at += 2 * NUMBER) {
    if (map[at] === 0) return;
    const offset = readNumber(map.subarray(at, at + NUMBER), "sparse map");
    add(parts, { offset, length: readNumber(map.subarray(at + NUMBER, at + 2 * NUMBER), "sparse map") });
  }
}

function add(parts: Part[], part: Part): void {
  if (parts.length >= MOST_PARTS)
    throw new UserError(`is sparse in more than ${Math.floor(MOST_PARTS)} parts`);
  parts.push(part);
}

/** 0.0: a record for each number; 0.1: one with all of them. */
function ofZero(pax: PaxRecords): Sparse {
  const size = pax.number("GNU.sparse.size") ?? bad();
  const map = pax.get("GNU.sparse.map");
  const numbers = map === undefined ? recordsOf(pax) : map.split(",").map(numberIn);
  return { parts: inPairs(numbers), size, mapSize: 0 };
}

function recordsOf(pax: PaxRecords): readonly number[] {
  const numbers: number[] = [];
  for (const [key, value] of pax.below("GNU.sparse.")) {
    const isOffset = key === "offset";
    if (!isOffset && key !== "numbytes") continue;
    if (isOffset !== (numbers.length % 2 === 0)) bad();
    numbers.push(numberIn(value));
  }
  return numbers;
}

function inPairs(numbers: readonly number[]): readonly Part[] {
  if (numbers.length % 2 !== 0) bad();
  const parts: Part[] = [];
  for (let at = 0; at < numbers.length; at += 2)
    add(parts, { offset: numbers[at] ?? 0, length: numbers[at + 1] ?? 0 });
  return parts;
}

/** 1.0: the map is the beginning of the content, a number a line, filled up to a block: their count, then pairs. */
async function ofOne(pax: PaxRecords, stream: ByteStream): Promise<Sparse> {
  const size = pax.number("GNU.sparse.realsize") ?? bad();
  const numbers: number[] = [];
  let [digits, wanted, mapSize] = ["", 1, 0];
  while (numbers.length < wanted) {
    const block = await stream.take(BLOCK);
    if (block.byteLength < BLOCK) bad();
    mapSize += BLOCK;
    for (const byte of block) {
      if (byte !== 0x0a) digits += String.fromCharCode(byte);
      else numbers.push(numberIn(digits));
      if (byte === 0x0a) digits = "";
      if (digits.length > NUMBER * 2) bad();
      if (numbers.length === 1 && wanted === 1) wanted = 1 + 2 * Math.min(numbers[0] ?? 0, 2 * MOST_PARTS);
      if (numbers.length === wanted) break;
    }
  }
  return { parts: inPairs(numbers.slice(1)), size, mapSize };
}

function numberIn(text: string): number {
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : bad();
}

function bad(): never {
  throw new UserError("is a sparse file whose map cannot be read");
}

/** Parts must follow one another within the file, and be what the archive has. */
function check({ parts, size, mapSize }: Sparse, stored: number): void {
  let [end, sum] = [0, mapSize];
  for (const { offset, length } of parts) {
    if (offset < end || offset + length > size) bad();
    end = offset + length;
    sum += length;
  }
  if (sum !== stored) bad();
}
