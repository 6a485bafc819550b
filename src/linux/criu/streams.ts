/**
 * The standard streams of a container's process, by the names that `create` has saved (../process/streams.ts). A pipe,
 * or a file from outside the container, cannot be restored: the process gets tsrun's own stream in its place.
 */
import type { Streams } from "../../agent/caller.ts";
import type { MountEntry } from "../mounts/mount-table.ts";
import { streamNames } from "../process/streams.ts";

/** A file by its mount and its inode, as criu names it. */
const FILE = /^file\[([0-9a-f]+):/;

/**
 * For `criu dump`: the streams that must be declared as external. criu recognizes pipes, and files on mounts in the
 * container's mount table, by itself.
 */
export function externalStreams(names: readonly string[], table: readonly MountEntry[]): readonly string[] {
  const isOutside = (name: string) => {
    const mount = FILE.exec(name)?.[1];
    return mount !== undefined && !table.some(({ id }) => Number(id) === Number.parseInt(mount, 16));
  };
  return [...new Set(names.filter(isOutside))];
}

/** For `criu restore`: which of the caller's streams replaces which name. */
export function restoredStreams(names: readonly string[]) {
  return names.flatMap((key, fd) => (isReplaced(key) && names.indexOf(key) === fd ? [{ key, fd }] : []));
}

/** The names of the streams once the caller's have replaced them. */
export function streamsAfter(streams: Streams, names: readonly string[]): readonly string[] {
  const own = streamNames(streams);
  return names.map((name) => (isReplaced(name) ? (own[names.indexOf(name)] ?? "") : name));
}

const isReplaced = (name: string) => FILE.test(name) || name.startsWith("pipe:");
