/** A file tree as data: what is in a rootfs, without touching a file system. */

interface Common {
  /** Relative to the tree's root, without a slash at either end. */
  readonly path: string;
  /** The user id and the group id; 0 when absent. */
  readonly owner?: number;
}

interface Directory extends Common {
  readonly type: "directory";
  readonly mode: number;
}

export interface File extends Common {
  readonly type: "file";
  readonly mode: number;
  readonly content: Uint8Array;
}

interface Symlink extends Common {
  readonly type: "symlink";
  readonly target: string;
}

export type Entry = Directory | File | Symlink;

export function directory(path: string, { mode = 0o755, owner = 0 } = {}): Directory {
  return { type: "directory", path, mode, owner };
}

export function textFile(path: string, lines: readonly string[]): File {
  const text = lines.map((line) => `${line}\n`).join("");
  return { type: "file", path, mode: 0o644, content: new TextEncoder().encode(text) };
}

export function program(path: string, content: Uint8Array): File {
  return { type: "file", path, mode: 0o755, content };
}

/**
 * A link from one path of the tree to another. Its target is relative, so that it stays in the tree wherever
 * that lies, also for one who looks from outside.
 */
export function symlink(path: string, to: string): Symlink {
  const up = path.split("/").length - 1;
  const near = path.slice(0, path.lastIndexOf("/") + 1);
  const target = near !== "" && to.startsWith(near) ? to.slice(near.length) : "../".repeat(up) + to;
  return { type: "symlink", path, target };
}
