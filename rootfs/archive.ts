/** Packs file trees into tar archives that depend on the tree alone, and unpacks them. */
import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { extract, Header } from "tar";
import type { Entry } from "./tree.ts";

const BLOCK = 512;
/** Of every entry: neither the time of the build nor of what it was built from. */
const MODIFIED = new Date("2025-01-01T00:00:00Z");

/**
 * The tree as an uncompressed ustar archive: sorted, with one time stamp and numeric owners only, so that the
 * same tree gives the same bytes on every machine.
 * @throws Error for a path that ustar has no room for.
 */
export function pack(tree: readonly Entry[]): Uint8Array {
  const sorted = [...tree].sort((a, b) => (a.path < b.path ? -1 : 1));
  const end = new Uint8Array(2 * BLOCK);
  return Buffer.concat([...sorted.flatMap((entry) => [header(entry), ...content(entry)]), end]);
}

function header(entry: Entry): Uint8Array {
  const { path, owner = 0 } = entry;
  const common = { path, uid: owner, gid: owner, size: 0, mtime: MODIFIED, uname: "", gname: "" };
  const block = Buffer.alloc(BLOCK);
  const fields = new Header({ ...common, ...ownFields(entry) });
  if (fields.encode(block)) throw new Error(`${path} is too long for a ustar archive`);
  return block;
}

function ownFields(entry: Entry) {
  switch (entry.type) {
    case "directory":
      return { type: "Directory", path: `${entry.path}/`, mode: entry.mode } as const;
    case "file":
      return { type: "File", mode: entry.mode, size: entry.content.length } as const;
    case "symlink":
      return { type: "SymbolicLink", mode: 0o777, linkpath: entry.target } as const;
  }
}

function content(entry: Entry): readonly Uint8Array[] {
  if (entry.type !== "file") return [];
  const padding = (BLOCK - (entry.content.length % BLOCK)) % BLOCK;
  return [entry.content, new Uint8Array(padding)];
}

/**
 * Unpacks an archive into `directory`, and what was there before is gone. The modes are the archive's whatever the
 * umask, and the owners too if root does it; the directory itself becomes the container's "/", open to every user.
 */
export function unpack(archive: string, directory: string): void {
  const umask = process.umask(0); // which tar would leave out of most modes
  try {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(dirname(directory), { recursive: true, mode: 0o755 });
    mkdirSync(directory, { mode: 0o755 });
    extract({ sync: true, file: archive, cwd: directory, strict: true });
  } finally {
    process.umask(umask);
  }
}
