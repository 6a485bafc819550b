/** Where bytes come from, a piece at a time. */
export interface ByteSource {
  /** The next piece, which is good until the next call; null at the end. */
  next(): Promise<Uint8Array | null>;
  /** Leaves out bytes that need not be read. */
  skip?(count: number): void;
}

const NOTHING: Uint8Array = new Uint8Array(0);

/** Bytes that come in pieces, taken in any lengths. What it gives is good until the next call. */
export class ByteStream {
  private readonly source: ByteSource;
  private piece: Uint8Array = NOTHING;
  private at = 0;
  /** How many bytes were taken or left out. */
  position = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** Bytes that follow, `most` at most; none at the end. */
  async some(most: number): Promise<Uint8Array> {
    if (this.at === this.piece.byteLength && !(await this.advance())) return NOTHING;
    const from = this.at;
    this.at = Math.min(from + most, this.piece.byteLength);
    this.position += this.at - from;
    return this.piece.subarray(from, this.at);
  }

  /** So many bytes; fewer only at the end. */
  async take(count: number): Promise<Uint8Array> {
    const first = await this.some(count);
    if (first.byteLength === count) return first;
    const whole = new Uint8Array(count);
    whole.set(first);
    let length = first.byteLength;
    while (length < count) {
      const more = await this.some(count - length);
      if (more.byteLength === 0) break;
      whole.set(more, length);
      length += more.byteLength;
    }
    return whole.subarray(0, length);
  }

  /** Leaves out so many bytes. Returns how many there were; not seen where the source skips by itself. */
  async skip(count: number): Promise<number> {
    let left = count - this.skipHere(count);
    if (left > 0 && this.source.skip !== undefined) {
      this.source.skip(left);
      this.position += left;
      return count;
    }
    while (left > 0) {
      const { byteLength } = await this.some(left);
      if (byteLength === 0) break;
      left -= byteLength;
    }
    return count - left;
  }

  /** Reads to the end. */
  async drain(): Promise<void> {
    this.at = this.piece.byteLength;
    while (await this.advance()) this.at = this.piece.byteLength;
  }

  private skipHere(count: number): number {
    const here = Math.min(count, this.piece.byteLength - this.at);
    this.at += here;
    this.position += here;
    return here;
  }

  private async advance(): Promise<boolean> {
    let next = await this.source.next();
    while (next !== null && next.byteLength === 0) next = await this.source.next();
    this.piece = next ?? NOTHING;
    this.at = 0;
    return next !== null;
  }
}
