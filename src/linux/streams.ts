/** The standard streams that tsrun has, and that a container's process inherits unless it has a terminal. */
import { AT_EMPTY_PATH, S_IFIFO, S_IFMT, S_IFREG } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { isErrno, readLink, status } from "../kernel/files.ts";
import type { FileStatus } from "../kernel/structs.ts";

const STREAMS = [0, 1, 2] as const;

/**
 * A name for each, as criu(8) has them: `pipe:[INODE]`; `file[MOUNT:INODE]`, in hexadecimal, for a file and for a
 * pipe that has a path; what proc calls anything else, such as `/dev/null`; empty for a closed one.
 */
export function ownStreams(): readonly string[] {
  return STREAMS.map(streamName);
}

function streamName(fd: number): string {
  try {
    return nameOf(fd, status("", AT_EMPTY_PATH, fd));
  } catch (error) {
    if (isErrno(error, ERRNO.EBADF)) return "";
    throw error;
  }
}

function nameOf(fd: number, { mode, mount, inode }: FileStatus): string {
  const kind = mode & S_IFMT;
  if (kind === S_IFREG) return fileName(mount, inode);
  const link = readLink(`/proc/self/fd/${fd}`);
  return kind === S_IFIFO && link.startsWith("/") ? fileName(mount, inode) : link;
}

const fileName = (mount: number, inode: number) => `file[${mount.toString(16)}:${inode.toString(16)}]`;
