import type { Fd } from "../../kernel/call.ts";

/** A mount of the container, as far as paths below it are concerned. */
export interface Mounted {
  /** The names of its destination, symlinks and all. */
  readonly path: readonly string[];
  /** Null when nothing more is done with it: descriptors are few. */
  readonly mount: Fd | null;
  /** Whether it is on a real directory: a proc or sysfs. */
  readonly plain: boolean;
  /** Who wants it read-only when all is made; null when nobody does, or it is already. */
  readonly sealed: string | null;
  /** Whether it makes an earlier one at the same destination writable after all. */
  readonly unseals: boolean;
}

/**
 * Where to walk to a path of the container from. What lies in proc and sysfs is sought from their own roots: who
 * renames the directory below the mount, while the container is made, does not get another in its place.
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
