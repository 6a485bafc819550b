/** Small files of the host, read and written with plain system calls: node:fs costs 1.1 ms of start-up. */
import { SyscallError } from "./call.ts";
import {
  CWD,
  close,
  mkdirat,
  openat,
  ppoll,
  read,
  readlinkat,
  renameat2,
  statx,
  unlinkat,
  write,
} from "./calls.ts";
import {
  AT_EMPTY_PATH,
  AT_REMOVEDIR,
  O_CREAT,
  O_NONBLOCK,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  POLLOUT,
  S_IFMT,
  S_IFREG,
} from "./constants.ts";
import { ERRNO } from "./errno.ts";
import { attempt, here } from "./here.ts";
import { type FileStatus, pollFd, readStatx, STATX_SIZE } from "./structs.ts";

const encoder = new TextEncoder();

const decoder = new TextDecoder();

/** Where files are read to; most are much smaller. */
const buffer = new Uint8Array(65_536);

/**
 * All bytes that are left to read. Reads of the kernel's files may be short: only an empty one is the end.
 * @throws SyscallError EFBIG when they are many more than `most`
 */
export function readAll(fd: number, most = Number.POSITIVE_INFINITY): Uint8Array {
  let length = 0;
  for (;;) {
    const count = here(read(fd, buffer.subarray(length)));
    if (count === 0) return buffer.slice(0, length);
    length += count;
    if (length === buffer.byteLength) return readLarge(fd, buffer.slice(), most);
  }
}

function readLarge(fd: number, start: Uint8Array, most: number): Uint8Array {
  let bytes = start;
  let length = start.byteLength;
  for (;;) {
    if (length > most) throw new SyscallError(read(fd, bytes), ERRNO.EFBIG);
    if (length === bytes.byteLength) {
      const larger = new Uint8Array(length * 4);
      larger.set(bytes);
      bytes = larger;
    }
    const count = here(read(fd, bytes.subarray(length)));
    if (count === 0) return bytes.slice(0, length);
    length += count;
  }
}

/** The file's content as UTF-8 text. @throws SyscallError also when it is much longer than `most` bytes */
export function readText(path: string | Uint8Array, directory = CWD, most?: number): string {
  const fd = here(openat(directory, path, O_RDONLY));
  try {
    return decoder.decode(readAll(fd, most));
  } finally {
    here(close(fd));
  }
}

/** The file's content; null when the file, a directory above it, or the process that it describes does not exist. */
export function readTextIfThere(path: string, directory = CWD): string | null {
  const call = openat(directory, path, O_RDONLY);
  const fd = attempt(call); // a file that isn't there is no exception: those cost 0.1 ms
  // ESRCH: a file of a process that has ended since it was looked up, or since it was opened
  if (fd === -ERRNO.ENOENT || fd === -ERRNO.ENOTDIR || fd === -ERRNO.ESRCH) return null;
  if (fd < 0) throw new SyscallError(call, -fd);
  try {
    return decoder.decode(readAll(fd));
  } catch (error) {
    if (isErrno(error, ERRNO.ESRCH)) return null;
    throw error;
  } finally {
    here(close(fd));
  }
}

/** The same of no more than its first `most` bytes: of what another process may make endless. */
export function readStartIfThere(path: string, most: number): string | null {
  const call = openat(CWD, path, O_RDONLY);
  const fd = attempt(call);
  if (fd === -ERRNO.ENOENT || fd === -ERRNO.ESRCH) return null;
  if (fd < 0) throw new SyscallError(call, -fd);
  try {
    const start = new Uint8Array(most);
    let length = 0;
    for (let count = -1; count !== 0 && length < most; length += count)
      count = here(read(fd, start.subarray(length)));
    return decoder.decode(start.subarray(0, length));
  } catch (error) {
    if (isErrno(error, ERRNO.ESRCH)) return null;
    throw error;
  } finally {
    here(close(fd));
  }
}

/**
 * Opens, for reading, the file at a place that is known by a descriptor (O_PATH); null unless it is a regular one: opening
 * a device acts on it, as a watchdog shows, and opening a FIFO lets others go on. Returns the negative errno when it fails.
 */
export function openRegular(place: number): number | null {
  if ((status("", AT_EMPTY_PATH, place).mode & S_IFMT) !== S_IFREG) return null;
  return attempt(openat(CWD, `/proc/self/fd/${place}`, O_RDONLY | O_NONBLOCK));
}

/** Writes all of `text` to a descriptor, even if another program has made it non-blocking, as happens to terminals. */
export function writeAll(fd: number, text: string | Uint8Array): void {
  let rest = typeof text === "string" ? encoder.encode(text) : text;
  while (rest.byteLength > 0) {
    const count = attempt(write(fd, rest));
    if (count >= 0) rest = rest.subarray(count);
    else if (count === -ERRNO.EAGAIN) attempt(ppoll(pollFd(fd, POLLOUT), 1000));
    else if (count !== -ERRNO.EINTR) throw new SyscallError(write(fd, rest), -count);
  }
}

/** Writes to a file that exists (cgroup and proc files), in one write(2). @throws SyscallError */
export function writeExisting(path: string, text: string, directory = CWD): void {
  const fd = here(openat(directory, path, O_WRONLY));
  try {
    here(write(fd, encoder.encode(text)));
  } finally {
    here(close(fd));
  }
}

/** Makes or replaces a file with this content. Readers may see it half-written; see `replaceFile`. */
export function writeFile(path: string, text: string | Uint8Array, mode = 0o600, directory = CWD): void {
  const fd = here(openat(directory, path, O_WRONLY | O_CREAT | O_TRUNC, mode));
  try {
    writeAll(fd, text);
  } finally {
    here(close(fd));
  }
}

/** Makes or replaces a file so that a reader sees the old content or the new one, whole. */
export function replaceFile(path: string, text: string, mode = 0o600, directory = CWD): void {
  const draft = `${path}.new`;
  writeFile(draft, text, mode, directory);
  here(renameat2(directory, draft, directory, path, 0));
}

/** Makes a directory; its parent must exist. Returns false when something has that name already. */
export function makeDirectory(path: string, mode = 0o755, directory = CWD): boolean {
  const result = attempt(mkdirat(directory, path, mode));
  if (result >= 0) return true;
  if (result === -ERRNO.EEXIST) return false;
  throw new SyscallError(mkdirat(directory, path, mode), -result);
}

/** Makes a directory and the missing ones above it. */
export function makeDirectories(path: string, mode = 0o755): void {
  const result = attempt(mkdirat(CWD, path, mode));
  if (result >= 0 || result === -ERRNO.EEXIST) return;
  const slash = path.lastIndexOf("/");
  if (result !== -ERRNO.ENOENT || slash <= 0) throw new SyscallError(mkdirat(CWD, path, mode), -result);
  makeDirectories(path.slice(0, slash), mode);
  makeDirectory(path, mode);
}

/** Removes a file. Returns false when there is none. */
export function removeFile(path: string, directory = CWD): boolean {
  return removed(unlinkat(directory, path, 0));
}

/** Removes an empty directory. Returns false when there is none. */
export function removeDirectory(path: string, directory = CWD): boolean {
  return removed(unlinkat(directory, path, AT_REMOVEDIR));
}

function removed(call: ReturnType<typeof unlinkat>): boolean {
  const result = attempt(call);
  if (result >= 0) return true;
  if (result === -ERRNO.ENOENT) return false;
  throw new SyscallError(call, -result);
}

/** statx(2) of a path, or of a descriptor with `""` and AT_EMPTY_PATH. @throws SyscallError */
export function status(path: string, flags = 0, directory = CWD): FileStatus {
  const bytes = new Uint8Array(STATX_SIZE);
  here(statx(directory, path, flags, bytes));
  return readStatx(bytes);
}

/** `status`, or null when there is no such file. */
export function statusIfThere(path: string, flags = 0, directory = CWD): FileStatus | null {
  const bytes = new Uint8Array(STATX_SIZE);
  const call = statx(directory, path, flags, bytes);
  const result = attempt(call); // as above
  if (result === -ERRNO.ENOENT || result === -ERRNO.ENOTDIR) return null;
  if (result < 0) throw new SyscallError(call, -result);
  return readStatx(bytes);
}

/** Where a symbolic link (also a magic one of proc) points. @throws SyscallError */
export function readLink(path: string, directory = CWD): string {
  return decoder.decode(buffer.subarray(0, here(readlinkat(directory, path, buffer))));
}

/** Whether a caught value is a system call's failure with one of these errnos. */
export function isErrno(error: unknown, ...errnos: readonly number[]): error is SyscallError {
  return error instanceof SyscallError && errnos.includes(error.errno);
}
