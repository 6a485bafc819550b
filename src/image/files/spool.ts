/**
 * An image that can't be read where it is, as it comes through a pipe or is compressed as a whole: a copy of it, not
 * compressed, in a file that has no name, and so goes with its descriptor.
 */
import { CWD, close, openat, read, unlinkat } from "../../kernel/calls.ts";
import { O_CREAT, O_EXCL, O_RDWR } from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { isErrno, writeAll } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import { readable } from "../../kernel/wait.ts";
import type { ByteSource } from "../tar/byte-stream.ts";
import { Turns } from "../turns.ts";
import { compressionOf, Decompressed, MAGIC_SIZE } from "./compression.ts";

/** What a pipe has at most, as a rule. */
const PIPE = 65_536;
/** How often it is looked whether the user still wants it, in milliseconds. */
const PATIENCE = 100;

/** Copies all that a descriptor still gives to a file in `directory`; `told` is as in Meter. @throws UserError */
export async function spool(fd: number, directory: string, told: (bytes: number) => void): Promise<number> {
  const to = unnamedFile(directory);
  try {
    const stream = new ReadSource(fd, () => told(0));
    const compression = compressionOf(await stream.peek(MAGIC_SIZE));
    using source = compression === null ? null : new Decompressed(stream, compression);
    const turns = new Turns();
    for (
      let piece = await (source ?? stream).next();
      piece !== null;
      piece = await (source ?? stream).next()
    ) {
      await turns.pass();
      told(piece.byteLength);
      writeAll(to, piece);
    }
    return to;
  } catch (error) {
    here(close(to));
    throw error;
  }
}

function unnamedFile(directory: string): number {
  const path = `${directory}/.tsrun-unpack-${Bun.randomUUIDv7()}`;
  const fd = attempt(openat(CWD, path, O_RDWR | O_CREAT | O_EXCL, 0o600));
  if (fd < 0)
    throw new UserError(`needs to be copied, but no file can be made in ${directory}: ${errnoWords(-fd)}`);
  here(unlinkat(CWD, path, 0));
  return fd;
}

/** Reads on where a descriptor stands. */
class ReadSource implements ByteSource {
  private readonly fd: number;
  private readonly waiting: () => void;
  private peeked: Uint8Array | null = null;
  private readonly turns = new Turns();

  constructor(fd: number, waiting: () => void) {
    this.fd = fd;
    this.waiting = waiting;
  }

  /** The first bytes, which come again; fewer only when there are no more. */
  async peek(count: number): Promise<Uint8Array> {
    let first: Uint8Array = new Uint8Array(0);
    while (first.byteLength < count) {
      const more = await this.next();
      if (more === null) break;
      first = Buffer.concat([first, more]);
    }
    this.peeked = first;
    return first;
  }

  async next(): Promise<Uint8Array | null> {
    const { peeked } = this;
    this.peeked = null;
    if (peeked !== null && peeked.byteLength > 0) return peeked;
    for (;;) {
      while (!(await readable(this.fd, PATIENCE))) {
        await this.turns.pass(); // the wait itself may have kept the handlers of signals from running
        this.waiting();
      }
      const into = new Uint8Array(PIPE);
      try {
        const count = here(read(this.fd, into));
        return count === 0 ? null : into.subarray(0, count);
      } catch (error) {
        if (!isErrno(error, ERRNO.EAGAIN)) throw error;
      }
    }
  }
}
