import { AT_FLAGS } from "./constants.ts";
import { auxiliaryValue, memoryAt } from "./ffi.ts";

/** What src/entry/entry.c has noted before Bun was started. */
interface EntryNotes {
  /** The caller's soft limit of open files: Bun raises it. */
  readonly openFiles: bigint;
  /** Which descriptors the caller had open, from 3 to 66; the lowest bit is descriptor 3. */
  readonly descriptors: bigint;
  /** A number that each build has of its own. */
  readonly build: bigint;
}

const SIZE = 24;

/** Null in a program that was not started by it. */
export function entryNotes(): EntryNotes | null {
  const address = Number(auxiliaryValue(AT_FLAGS)); // nobody else's: the kernel has at most a few bits there
  if (address < 4096) return null;
  const bytes = memoryAt(address, SIZE);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [openFiles, descriptors, build] = [0, 8, 16].map((at) => view.getBigUint64(at, true));
  return { openFiles: openFiles ?? 0n, descriptors: descriptors ?? 0n, build: build ?? 0n };
}
