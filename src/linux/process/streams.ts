/** The standard streams that the caller has, and that a container's process inherits unless it has a terminal. */
import type { IdMapping } from "../../../runtime-spec/config-linux.ts";
import type { Streams } from "../../agent/caller.ts";
import type { Program } from "../../agent/program.ts";
import { fchown, SAME_GROUP } from "../../kernel/calls.ts";
import { AT_EMPTY_PATH, S_IFIFO, S_IFMT, S_IFREG, STREAMS } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, readLink, status } from "../../kernel/files.ts";
import { attempt } from "../../kernel/here.ts";
import type { FileStatus } from "../../kernel/structs.ts";

/**
 * A name for each stream, in criu(8)'s format: `pipe:[INODE]`; `file[MOUNT:INODE]`, in hexadecimal, for a file or a
 * named pipe; the link in proc for anything else, such as `/dev/null`; empty for a closed stream.
 */
export function streamNames(streams: Streams): readonly string[] {
  return streams.map(streamName);
}

/**
 * Makes the process's user the owner of streams that are pipes or files to write; otherwise that user could not open
 * /dev/stdout, since the caller has made them as root. A file to read, or a terminal, is the caller's data or session,
 * and keeps its owner. In a user namespace the current owner is unmapped, so tsrun changes it itself, by the
 * `mappings`; without them the change may fail, and is skipped.
 */
export function giveStreams(
  program: Program,
  streams: Streams,
  uid: number,
  mappings: readonly IdMapping[],
): void {
  const outside = mappings.find(({ containerID, size }) => uid >= containerID && uid < containerID + size);
  for (const stream of STREAMS) {
    const own = streams[stream];
    const found = streamStatus(own);
    if (found === null) continue;
    const kind = found.mode & S_IFMT;
    if (kind !== S_IFIFO && (kind !== S_IFREG || stream === 0)) continue;
    if (outside !== undefined) {
      attempt(fchown(own, outside.hostID + uid - outside.containerID, SAME_GROUP));
      continue;
    }
    if (found.uid === uid) continue;
    const refusals = [ERRNO.EPERM, ERRNO.EINVAL, ERRNO.EROFS];
    program.by("standard streams").add(fchown(stream, uid, SAME_GROUP), refusals);
  }
}

function streamName(fd: number): string {
  const found = streamStatus(fd);
  return found === null ? "" : nameOf(fd, found);
}

/** Null for a stream that the caller has closed. */
export function streamStatus(fd: number): FileStatus | null {
  try {
    return status("", AT_EMPTY_PATH, fd);
  } catch (error) {
    if (isErrno(error, ERRNO.EBADF)) return null;
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
