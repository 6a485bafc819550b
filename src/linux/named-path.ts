import { SyscallError } from "../kernel/call.ts";
import { errnoName, errnoText } from "../kernel/errno.ts";
import { statusIfThere } from "../kernel/files.ts";
import type { FileStatus } from "../kernel/structs.ts";
import { fail } from "./config-error.ts";

/**
 * What is at the path that the config has at `where`; null when nothing is there.
 * @throws ConfigError when nobody can tell: too long a path, links in a circle, a file system that does not answer
 */
export function statusAt(where: string, path: string, flags = 0): FileStatus | null {
  try {
    return statusIfThere(path, flags);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return fail(where, `cannot look at ${path}: ${errnoName(error.errno)} (${errnoText(error.errno)})`);
  }
}
