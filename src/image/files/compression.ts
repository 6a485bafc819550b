/** What archives are compressed with, and their decompression as a stream, by a thread of Bun's. */
import { Readable, type Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { UserError } from "../../kernel/user-error.ts";
import type { ByteSource } from "../tar/byte-stream.ts";
import { PIECE } from "./image-files.ts";

interface Compression {
  /** What a compressed file begins with. */
  readonly magic: (first: Uint8Array) => boolean;
  readonly decompress: () => Transform;
}

const begins = (first: Uint8Array, ...bytes: readonly number[]) =>
  bytes.every((byte, at) => first[at] === byte);

/** By the content alone: media types are wrong at times, and `docker save` has none. */
const COMPRESSIONS: readonly Compression[] = [
  {
    magic: (first) => begins(first, 0x1f, 0x8b),
    decompress: () => createGunzip({ chunkSize: PIECE }),
  },
  {
    // A frame, or a skippable one, as before the others of zstd:chunked (RFC 8878).
    magic: (first) =>
      begins(first, 0x28, 0xb5, 0x2f, 0xfd) ||
      (((first[0] ?? 0) & 0xf0) === 0x50 && begins(first.subarray(1), 0x2a, 0x4d, 0x18)),
    decompress: () => createZstdDecompress({ chunkSize: PIECE }),
  },
];

/** How many bytes tell. */
export const MAGIC_SIZE = 4;

/** By the first bytes of a file; null when it isn't compressed. */
export const compressionOf = (first: Uint8Array): Compression | null =>
  COMPRESSIONS.find(({ magic }) => magic(first)) ?? null;

/** The next piece is decompressed only when the ones before were taken. The compressed ones must not change. */
export class Decompressed implements ByteSource, Disposable {
  private readonly transform: Transform;
  private readonly output: AsyncIterator<Uint8Array>;

  constructor(compressed: ByteSource, { decompress }: Compression) {
    this.transform = decompress();
    const input = Readable.from(piecesOf(compressed));
    input.on("error", (error) => this.transform.destroy(error));
    this.output = input.pipe(this.transform)[Symbol.asyncIterator]();
  }

  async next(): Promise<Uint8Array | null> {
    try {
      const { done, value } = await this.output.next();
      return done === true ? null : value;
    } catch (error) {
      throw error instanceof UserError ? error : new UserError(`cannot be decompressed: ${wordsOf(error)}`);
    }
  }

  [Symbol.dispose](): void {
    this.transform.destroy();
  }
}

async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let piece = await source.next(); piece !== null; piece = await source.next()) yield piece;
}

const wordsOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
