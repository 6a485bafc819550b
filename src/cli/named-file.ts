import { Failure } from "../container/failure.ts";
import { SyscallError } from "../kernel/call.ts";
import { errnoWords } from "../kernel/errno.ts";
import { readText } from "../kernel/files.ts";

/** The text of the file that a flag names. @throws Failure with the flag when it can't be read */
export function readNamed(flag: string, path: string): string {
  try {
    return readText(path);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new Failure(`${flag} ${path}: cannot be read: ${errnoWords(error.errno)}`);
  }
}
