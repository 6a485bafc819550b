import { pread } from "../../kernel/calls.ts";
import { here } from "../../kernel/here.ts";
import type { ByteSource } from "../tar/byte-stream.ts";

/** A file of an image: a part of an open file, which may be an archive. */
export interface ImageFile extends Disposable {
  readonly fd: number;
  readonly offset: number;
  readonly size: number;
}

/** The files of an image, by their paths: a directory, or an archive that has them. */
export interface ImageFiles extends Disposable {
  /** Null when there is none. @throws UserError when it is not a file */
  open(path: string): ImageFile | null;
}

/** What a file begins with, to tell what it is compressed with. */
export function firstBytes({ fd, offset, size }: Omit<ImageFile, keyof Disposable>): Uint8Array {
  const first = new Uint8Array(Math.min(4, size));
  if (first.byteLength > 0) here(pread(fd, first, offset));
  return first;
}

/** How much is read at a time. */
export const PIECE = 1 << 18;

/** Reads a file of an image. Each piece is good until the next is asked for. */
export class FileSource implements ByteSource {
  private readonly file: Pick<ImageFile, "fd" | "offset" | "size">;
  private readonly buffer: () => Uint8Array;
  /** How far it has got. */
  at = 0;

  /** With `reuses` false each piece has memory of its own. */
  constructor(file: Pick<ImageFile, "fd" | "offset" | "size">, reuses = true) {
    const own = new Uint8Array(PIECE);
    this.file = file;
    this.buffer = () => (reuses ? own : new Uint8Array(PIECE));
  }

  async next(): Promise<Uint8Array | null> {
    const { fd, offset, size } = this.file;
    const most = Math.min(PIECE, size - this.at);
    if (most <= 0) return null;
    const into = this.buffer().subarray(0, most);
    const count = here(pread(fd, into, offset + this.at));
    this.at += count;
    return count === 0 ? null : into.subarray(0, count);
  }

  skip(count: number): void {
    this.at += count;
  }
}
