import type { Fd } from "../../kernel/call.ts";

/** A mount of the container, for resolving paths below it. */
export interface Mounted {
  /** The names in its destination, with symlinks unresolved. */
  readonly path: readonly string[];
  /** Null if it is not needed any more: descriptors are scarce. */
  readonly mount: Fd | null;
  /** Whether it is on a real directory: a proc or sysfs. */
  readonly plain: boolean;
  /** The property that wants it read-only in the end; null if none does, or it is already. */
  readonly sealed: string | null;
  /** Whether it makes an earlier one at the same destination writable after all. */
  readonly unseals: boolean;
}

/**
 * From where to resolve a path of the container. Paths in proc and sysfs start at the root of that mount: renaming its
 * mount point, while the container is made, can't put another directory in its place.
 */
export function walkTo(root: Fd, mounts: readonly Mounted[], path: readonly string[]) {
  let last: Mounted | undefined;
  for (const mount of mounts) if (startsWith(path, mount.path)) last = mount;
  const { plain = false, mount = null, path: start = [] } = last ?? {};
  if (!plain || mount === null) return { from: root, path: path.join("/") || "." };
  return { from: mount, path: path.slice(start.length).join("/") || "." };
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  for (let index = 0; index < start.length; index++) if (path[index] !== start[index]) return false;
  return true;
}
