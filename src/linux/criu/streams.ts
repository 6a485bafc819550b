/**
 * The standard streams of a container's process, by the names that `create` has saved (../process/streams.ts). A pipe,
 * or a file from outside the container, cannot be restored: the process gets tsrun's own stream in its place.
 */
import type { MountEntry } from "../mounts/mount-table.ts";
import { ownStreams } from "../process/streams.ts";

/** A file by its mount and its inode, as criu names it. */
const FILE = /^file\[([0-9a-f]+):/;

/**
 * For `criu dump`: those of the names that it must be told of. Pipes it knows by itself, and files on the mounts in the
 * container's table, too.
 */
export function externalStreams(names: readonly string[], table: readonly MountEntry[]): readonly string[] {
  const isOutside = (name: string) => {
    const mount = FILE.exec(name)?.[1];
    return mount !== undefined && !table.some(({ id }) => Number(id) === Number.parseInt(mount, 16));
  };
  return [...new Set(names.filter(isOutside))];
}

/** For `criu restore`: which stream of tsrun takes the place of which name. */
export function restoredStreams(names: readonly string[]) {
  return names.flatMap((key, fd) => (isReplaced(key) && names.indexOf(key) === fd ? [{ key, fd }] : []));
}

/** What the streams of that names are once tsrun's have taken their places. */
export function streamsAfter(names: readonly string[]): readonly string[] {
  const own = ownStreams();
  return names.map((name) => (isReplaced(name) ? (own[names.indexOf(name)] ?? "") : name));
}

const isReplaced = (name: string) => FILE.test(name) || name.startsWith("pipe:");
