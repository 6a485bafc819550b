/**
 * The standard streams of a container's process. Pipes, and files that are not the container's, are somebody else's:
 * a restored process gets tsrun's own in their places.
 */
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, readLink, readText, status } from "../../kernel/files.ts";
import type { MountEntry } from "../mount-table.ts";

const STREAMS = [0, 1, 2] as const;

/** A file by its mount and its inode, as criu names it. */
const FILE = /^file\[/;

/**
 * For `criu dump`: what each stream is: criu's name for what is not the container's, such as `pipe:[1234]`, or the path
 * of a file that is; empty for a closed one.
 */
export function savedStreams(pid: number, table: readonly MountEntry[]): readonly string[] {
  return STREAMS.map((fd) => {
    try {
      return nameOf(pid, fd, table);
    } catch (error) {
      if (isErrno(error, ERRNO.ENOENT)) return "";
      throw error;
    }
  });
}

function nameOf(pid: number, fd: number, table: readonly MountEntry[]): string {
  const path = `/proc/${pid}/fd/${fd}`;
  const link = readLink(path);
  const mount = /^mnt_id:\s*(\d+)$/m.exec(readText(`/proc/${pid}/fdinfo/${fd}`))?.[1] ?? "";
  if (!link.startsWith("/") || table.some(({ id }) => id === mount)) return link;
  return `file[${Number(mount).toString(16)}:${status(path).inode.toString(16)}]`;
}

/** For `criu dump`: those of the names that it must be told of; pipes it knows by itself. */
export function externalStreams(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name) => FILE.test(name)))];
}

/** For `criu restore`: which stream of tsrun takes the place of which name. */
export function restoredStreams(names: readonly string[]) {
  const others = (name: string) => FILE.test(name) || name.startsWith("pipe:");
  return names.flatMap((key, fd) => (others(key) && names.indexOf(key) === fd ? [{ key, fd }] : []));
}
