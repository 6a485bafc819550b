import { SyscallError } from "./call.ts";
import { CWD, close, getdents64, openat } from "./calls.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "./constants.ts";
import { ERRNO } from "./errno.ts";
import { isErrno } from "./files.ts";
import { attempt, here } from "./here.ts";

const decoder = new TextDecoder();

export interface DirectoryEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

/** The entries of a directory without `.` and `..`, `most` of them; null when there is no such directory, or none any more. */
export function listDirectory(
  path: string,
  directory = CWD,
  most = Number.POSITIVE_INFINITY,
): readonly DirectoryEntry[] | null {
  const fd = attempt(openat(directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (fd === -ERRNO.ENOENT) return null;
  if (fd < 0) throw new SyscallError(openat(directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), -fd);
  try {
    return entries(fd, most);
  } catch (error) {
    if (isErrno(error, ERRNO.ENOENT)) return null; // it was removed after it was opened, by systemd for instance
    throw error;
  } finally {
    here(close(fd));
  }
}

/** The names of the directories in an open directory: C strings that need not be UTF-8. */
export function subdirectories(directory: number): Uint8Array[] {
  const fd = here(openat(directory, ".", O_RDONLY | O_DIRECTORY));
  const names: Uint8Array[] = [];
  try {
    walk(fd, (name, type) => {
      if (type === DT_DIR && !isDots(decoder.decode(name))) names.push(Uint8Array.of(...name, 0));
      return true;
    });
  } finally {
    here(close(fd));
  }
  return names;
}

/** The names of all that is in a directory that was just opened; they need not be UTF-8. */
export function namesOfDirectory(directory: number): Uint8Array[] {
  const names: Uint8Array[] = [];
  walk(directory, (name) => {
    if (!isDots(decoder.decode(name))) names.push(name.slice());
    return true;
  });
  return names;
}

const DT_DIR = 4;

const isDots = (name: string) => name === "." || name === "..";

function entries(fd: number, most: number): DirectoryEntry[] {
  const result: DirectoryEntry[] = [];
  walk(fd, (bytes, type) => addEntry(result, bytes, type) < most);
  return result;
}

/** The entries that one getdents64(2) has given, without `.` and `..`. */
export function entriesIn(listing: Uint8Array): readonly DirectoryEntry[] {
  const result: DirectoryEntry[] = [];
  walkListing(listing, (bytes, type) => addEntry(result, bytes, type) >= 0);
  return result;
}

/** Returns how many there are by then. */
function addEntry(to: DirectoryEntry[], bytes: Uint8Array, type: number): number {
  const name = decoder.decode(bytes);
  if (!isDots(name)) to.push({ name, isDirectory: type === DT_DIR });
  return to.length;
}

/** Is told an entry's name and type; says whether it wants more. */
type Visit = (name: Uint8Array, type: number) => boolean;

function walk(fd: number, visit: Visit): void {
  const bytes = new Uint8Array(8192);
  for (;;) {
    const length = here(getdents64(fd, bytes));
    if (length === 0 || !walkListing(bytes.subarray(0, length), visit)) return;
  }
}

/** Walks `struct linux_dirent64`: ino, off (8 bytes each), reclen (2), type (1), name; until `visit` has enough. */
function walkListing(bytes: Uint8Array, visit: Visit): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 0; at < bytes.byteLength; at += view.getUint16(at + 16, true))
    if (!visit(bytes.subarray(at + 19, bytes.indexOf(0, at + 19)), bytes[at + 18] ?? 0)) return false;
  return true;
}
