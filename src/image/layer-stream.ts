/**
 * A layer's file as the bytes of its archive: read piece by piece, decompressed, its digests taken on the way. Nothing
 * is kept but a few pieces.
 */
import type { Layer } from "./choose.ts";
import { Digester } from "./digests.ts";
import { compressionOf, Decompressed } from "./files/compression.ts";
import { FileSource, firstBytes, type ImageFile } from "./files/image-files.ts";
import type { ByteSource } from "./tar/byte-stream.ts";
import { Turns } from "./turns.ts";

/** Told of bytes that go through. */
export interface Meter {
  /** Of a layer's file. */
  readonly read: (bytes: number) => void;
  /** Of its archive. @throws UserError when there have been too many */
  readonly unpacked: (bytes: number) => void;
}

export class LayerStream implements ByteSource, Disposable {
  private readonly layer: Layer;
  private readonly meter: Meter;
  private readonly source: ByteSource & Partial<Disposable>;
  private readonly archive: Digester;
  /** Of the file, where it differs from the archive. */
  private readonly file: Digester | null;
  private readonly turns = new Turns();

  constructor(layer: Layer, file: ImageFile, meter: Meter) {
    const compression = compressionOf(firstBytes(file));
    const isTwice = layer.digest !== null && (compression !== null || layer.digest !== layer.diffId);
    this.layer = layer;
    this.meter = meter;
    this.archive = new Digester(layer.diffId);
    this.file = isTwice && layer.digest !== null ? new Digester(layer.digest) : null;
    const pieces = this.read(new FileSource(file, compression === null));
    this.source = compression === null ? pieces : new Decompressed(pieces, compression);
  }

  async next(): Promise<Uint8Array | null> {
    const piece = await this.source.next();
    if (piece === null) return null;
    await this.turns.pass();
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
    this.source[Symbol.dispose]?.();
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
