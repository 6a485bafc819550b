/** Errors about files in the state directory, which name the directory that the user has chosen. */
import { type Call, SyscallError } from "../../kernel/call.ts";
import { geteuid } from "../../kernel/calls.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";

/** System calls by which files of a state directory are found and made. */
const OF_FILES: readonly string[] = [
  "fallocate",
  "ftruncate",
  "mkdirat",
  "openat",
  "read",
  "renameat2",
  "unlinkat",
  "write",
];

/** Works in the state directory at `path`. @throws UserError, with that path, when a file in it can't be opened or made */
export function inState<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SyscallError && OF_FILES.includes(error.call.name))
      throw stateFailure(path, error.call, error.errno);
    throw error;
  }
}

/** A call for the state directory at `path` has failed. */
export function stateFailure(path: string, { name }: Call, errno: number): UserError {
  return new UserError(`state directory ${path}`, `${name}: ${errnoWords(errno)}${hintFor(path, errno)}`);
}

function hintFor(path: string, errno: number): string {
  if (errno === ERRNO.ENOSPC) return `; the file system that ${path} is on is full, or has no inodes left`;
  if (errno === ERRNO.EMFILE) return "; raise the caller's limit of open files (ulimit -n)";
  if (errno === ERRNO.EFBIG) return "; raise the caller's limit of the size of files (ulimit -f)";
  if (errno === ERRNO.EACCES && here(geteuid()) !== 0) return "; run tsrun as root, or name another --root";
  return "";
}
