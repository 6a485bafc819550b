import { SyscallError } from "../kernel/call.ts";
import { errnoWords } from "../kernel/errno.ts";
import { statusIfThere } from "../kernel/files.ts";
import type { FileStatus } from "../kernel/structs.ts";
import { fail } from "../kernel/user-error.ts";

/**
 * The status of a path that the config has at `where`; null if it does not exist.
 * @throws UserError if that can't be told: the path is too long, has a loop of links, or its file system fails
 */
export function statusAt(where: string, path: string, flags = 0): FileStatus | null {
  try {
    return statusIfThere(path, flags);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return fail(where, `cannot look at ${path}: ${errnoWords(error.errno)}`);
  }
}
