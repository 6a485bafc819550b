/** Writes file trees as the archive that the kernel unpacks into its first root, cpio(5) of the "new ASCII" kind. */
import { closeSync, openSync, writeSync } from "node:fs";
import type { Entry } from "../../rootfs/tree.ts";

const MAGIC = "070701";
/** The name that ends an archive. */
const TRAILER = "TRAILER!!!";

const S_IFDIR = 0o040000; // linux/stat.h
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;

/** Writes `entries` to the file `archive`; a directory must come before what is in it. */
export function writeCpio(archive: string, entries: readonly Entry[]): void {
  const file = openSync(archive, "w");
  try {
    entries.forEach((entry, index) => {
      writeEntry(file, { path: entry.path, inode: index + 1, owner: entry.owner ?? 0, ...typed(entry) });
    });
    writeEntry(file, { path: TRAILER, inode: 0, owner: 0, mode: 0, content: new Uint8Array(0) });
  } finally {
    closeSync(file);
  }
}

interface Record {
  readonly path: string;
  readonly inode: number;
  readonly owner: number;
  /** With the bits of the file's type. */
  readonly mode: number;
  readonly content: Uint8Array;
}

function typed(entry: Entry): Pick<Record, "mode" | "content"> {
  switch (entry.type) {
    case "directory":
      return { mode: S_IFDIR | entry.mode, content: new Uint8Array(0) };
    case "file":
      return { mode: S_IFREG | entry.mode, content: entry.content };
    case "symlink":
      return { mode: S_IFLNK | 0o777, content: Buffer.from(entry.target) };
  }
}

function writeEntry(file: number, { path, inode, owner, mode, content }: Record): void {
  const name = Buffer.from(`${path}\0`);
  const [links, time, device, checksum] = [1, 0, 0, 0];
  const fields = [
    ...[inode, mode, owner, owner, links, time, content.length],
    ...[device, device, device, device, name.length, checksum],
  ];
  const header = MAGIC + fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  writeAll(file, padded(Buffer.concat([Buffer.from(header), name])));
  writeAll(file, padded(content));
}

/** Headers and contents begin at multiples of four bytes. */
function padded(bytes: Uint8Array): Uint8Array {
  const padding = -bytes.length & 3;
  return padding === 0 ? bytes : Buffer.concat([bytes, new Uint8Array(padding)]);
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}
