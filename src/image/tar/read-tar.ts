/**
 * Reads a tar archive from its beginning to its end, entry by entry, in constant memory. Why not the package `tar`, or
 * Bun.Archive: docs/images.md.
 */
import type { FileTime } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";
import { latin1 } from "../names.ts";
import type { ByteStream } from "./byte-stream.ts";
import { BLOCK, type EntryType, type Header, readHeader, TYPES, untilNul } from "./header.ts";
import { PaxRecords } from "./pax.ts";
import { readSparse, type Sparse } from "./sparse.ts";

export interface TarEntry {
  readonly type: EntryType;
  /** As it stands in the archive; bytes, a character each (latin1). So are all texts here. */
  readonly name: string;
  readonly link: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: FileTime;
  /** Null where the archive has none. */
  readonly atime: FileTime | null;
  readonly device: readonly [major: number, minor: number];
  readonly xattrs: readonly (readonly [name: string, value: string])[];
  readonly sparse: Sparse | null;
  /** Bytes of content in the archive; of a sparse file without its map. */
  readonly size: number;
}

/** What to do with an entry. It may read the content from the stream; what it leaves is skipped. */
type Visit = (entry: TarEntry, content: Content) => void | Promise<void>;

/** What extended headers may take. Go's reader has the same limit. */
const MOST_EXTENDED = 1 << 20;

const XATTR = "SCHILY.xattr.";

/** The content of one entry, in the archive's stream. */
export class Content {
  private readonly stream: ByteStream;
  private left: number;

  constructor(stream: ByteStream, size: number) {
    this.stream = stream;
    this.left = size;
  }

  /** The next piece; null at the end. @throws UserError when the archive ends before */
  async next(most = Number.POSITIVE_INFINITY): Promise<Uint8Array | null> {
    if (this.left === 0) return null;
    const piece = await this.stream.some(Math.min(most, this.left));
    if (piece.byteLength === 0) throw cutShort();
    this.left -= piece.byteLength;
    return piece;
  }

  async skipRest(padding: number): Promise<void> {
    const count = this.left + padding;
    if (count > 0 && (await this.stream.skip(count)) < this.left) throw cutShort();
    this.left = 0;
  }
}

const cutShort = () => new UserError("ends in the middle of a file: the archive is cut short");

/** @throws UserError what is wrong with the archive: "is damaged: …" */
export async function readTar(stream: ByteStream, visit: Visit): Promise<void> {
  for (;;) {
    const found = await nextHeader(stream);
    if (found === null) return;
    const { header, pax, longName, longLink } = found;
    const size = sizeOf(header, pax);
    const sparse =
      header.typeflag === "0" || header.typeflag === "S" ? await readSparse(header, pax, size, stream) : null;
    const content = new Content(stream, size - (sparse?.mapSize ?? 0));
    const entry = entryOf(header, pax, sparse, size - (sparse?.mapSize ?? 0), longName, longLink);
    await visit(entry, content);
    await content.skipRest(padding(size));
  }
}

const padding = (size: number) => (BLOCK - (size % BLOCK)) % BLOCK;

/** A header, and what the extended ones before it say. */
interface Found {
  readonly header: Header;
  readonly pax: PaxRecords;
  readonly longName: string;
  readonly longLink: string;
}

/** The header of the next entry; null at the archive's end. */
async function nextHeader(stream: ByteStream): Promise<Found | null> {
  let pax = PaxRecords.NONE;
  let [longName, longLink] = ["", ""];
  for (;;) {
    const block = await nextBlock(stream);
    if (block === null) return null;
    const header = readHeader(block);
    switch (header.typeflag) {
      case "x":
        pax = PaxRecords.read(await extended(header, stream));
        break;
      case "g": // what holds for all entries: a comment of git archive; Go's readers of images leave it out
        await extended(header, stream);
        break;
      case "L":
        longName = untilNul(latin1(await extended(header, stream)));
        break;
      case "K":
        longLink = untilNul(latin1(await extended(header, stream)));
        break;
      default:
        return { header, pax, longName, longLink };
    }
  }
}

/** The next block; null at the end: two blocks of zeros, or where the archive just stops. */
async function nextBlock(stream: ByteStream): Promise<Uint8Array | null> {
  const block = await stream.take(BLOCK);
  if (block.byteLength === 0) return null;
  if (block.byteLength < BLOCK)
    throw new UserError("ends in the middle of a header: the archive is cut short");
  if (!isZero(block)) return block;
  const second = await stream.take(BLOCK);
  if (!isZero(second)) throw new UserError("is damaged: data follows its end (zeros)");
  return null;
}

function isZero(block: Uint8Array): boolean {
  for (let at = 0; at < block.byteLength; at++) if (block[at] !== 0) return false;
  return true;
}

async function extended({ size }: Header, stream: ByteStream): Promise<Uint8Array> {
  if (size < 0 || size > MOST_EXTENDED)
    throw new UserError(`has an extended header of ${size} bytes; the limit is ${MOST_EXTENDED}`);
  const content = (await stream.take(size)).slice();
  if (content.byteLength < size || (await stream.skip(padding(size))) < padding(size)) throw cutShort();
  return content;
}

/** The types that have no content, whatever their header says. */
const WITHOUT_CONTENT = new Set(["1", "2", "3", "4", "5", "6"]);

function sizeOf(header: Header, pax: PaxRecords): number {
  const size = pax.number("size") ?? header.size;
  if (size < 0) throw new UserError("has a negative size");
  return WITHOUT_CONTENT.has(header.typeflag) ? 0 : size;
}

function entryOf(
  header: Header,
  pax: PaxRecords,
  sparse: Sparse | null,
  size: number,
  longName: string,
  longLink: string,
): TarEntry {
  const sparseName = sparse === null ? undefined : pax.name("GNU.sparse.name");
  const name = longName || (sparseName ?? pax.name("path") ?? header.name);
  return {
    ...{ name, link: longLink || (pax.name("linkpath") ?? header.link), type: typeOf(header, name) },
    ...{ size, sparse, device: header.device, mode: header.mode & 0o7777 },
    ...{ uid: pax.number("uid") ?? header.uid, gid: pax.number("gid") ?? header.gid },
    ...{ mtime: pax.time("mtime") ?? header.mtime, atime: pax.time("atime") ?? null },
    xattrs: [...pax.below(XATTR)],
  };
}

function typeOf({ typeflag }: Header, name: string): EntryType {
  if (typeflag === "\0") return name.endsWith("/") ? "directory" : "file";
  if (typeflag in TYPES) return TYPES[typeflag as keyof typeof TYPES]; // it is in there
  throw new UserError(`${JSON.stringify(name)} is of an unknown type (${JSON.stringify(typeflag)})`);
}
