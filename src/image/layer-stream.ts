/**
 * A layer's file as the bytes of its archive: read piece by piece, decompressed, its digests taken on the way. Nothing
 * is kept but a few pieces: the next is decompressed, by a thread of Bun's, only when the ones before were taken.
 */
import { Readable, type Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { pread } from "../kernel/calls.ts";
import { here } from "../kernel/here.ts";
import { UserError } from "../kernel/user-error.ts";
import type { Layer } from "./choose.ts";
import { Digester } from "./digests.ts";
import { FileSource, type ImageFile, PIECE } from "./files/image-files.ts";
import type { ByteSource } from "./tar/byte-stream.ts";

/** Told of bytes that go through. */
export interface Meter {
  /** Of a layer's file. */
  readonly read: (bytes: number) => void;
  /** Of its archive. @throws UserError when there have been too many */
  readonly unpacked: (bytes: number) => void;
}

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

/** What an archive is compressed with, by its first bytes; null when it isn't. */
export function compressionOf(file: Pick<ImageFile, "fd" | "offset" | "size">): Compression | null {
  const first = new Uint8Array(Math.min(4, file.size));
  if (first.byteLength > 0) here(pread(file.fd, first, file.offset));
  return COMPRESSIONS.find(({ magic }) => magic(first)) ?? null;
}

/** How long the thread may go on without looking at signals, in milliseconds. */
const TURN = 50;

export class LayerStream implements ByteSource, Disposable {
  private readonly layer: Layer;
  private readonly meter: Meter;
  private readonly source: ByteSource;
  private readonly archive: Digester;
  /** Of the file, where it differs from the archive. */
  private readonly file: Digester | null;
  private readonly decompressor: Transform | null;
  private rested = 0;

  constructor(layer: Layer, file: ImageFile, meter: Meter) {
    const compression = compressionOf(file);
    const isTwice = layer.digest !== null && (compression !== null || layer.digest !== layer.diffId);
    this.layer = layer;
    this.meter = meter;
    this.archive = new Digester(layer.diffId);
    this.file = isTwice && layer.digest !== null ? new Digester(layer.digest) : null;
    const pieces = new FileSource(file, compression === null);
    this.decompressor = compression?.decompress() ?? null;
    this.source =
      this.decompressor === null ? this.read(pieces) : decompressed(this.read(pieces), this.decompressor);
  }

  async next(): Promise<Uint8Array | null> {
    const piece = await this.source.next();
    if (piece === null) return null;
    await this.letOthersRun();
    this.meter.unpacked(piece.byteLength);
    this.archive.update(piece);
    return piece;
  }

  /** When all was read. @throws UserError when it is not what the image says */
  check(): void {
    if (this.layer.digest !== null) this.file?.expect(this.layer.digest, "its file");
    this.archive.expect(this.layer.diffId, "its archive");
  }

  [Symbol.dispose](): void {
    this.decompressor?.destroy();
  }

  /** What comes without waiting would keep handlers of signals from running. */
  private async letOthersRun(): Promise<void> {
    const now = Bun.nanoseconds() / 1e6;
    if (now - this.rested < TURN) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.rested = now;
  }

  private read(pieces: ByteSource): ByteSource {
    return {
      next: async () => {
        const piece = await pieces.next();
        if (piece === null) return null;
        this.meter.read(piece.byteLength);
        this.file?.update(piece);
        return piece;
      },
    };
  }
}

function decompressed(compressed: ByteSource, decompressor: Transform): ByteSource {
  const input = Readable.from(piecesOf(compressed));
  input.on("error", (error) => decompressor.destroy(error));
  const output: AsyncIterator<Uint8Array> = input.pipe(decompressor)[Symbol.asyncIterator]();
  return {
    async next() {
      try {
        const { done, value } = await output.next();
        return done === true ? null : value;
      } catch (error) {
        throw error instanceof UserError ? error : new UserError(`cannot be decompressed: ${wordsOf(error)}`);
      }
    },
  };
}

async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let piece = await source.next(); piece !== null; piece = await source.next()) yield piece;
}

const wordsOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
