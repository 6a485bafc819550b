import { SyscallError } from "../../kernel/call.ts";
import { errnoWords } from "../../kernel/errno.ts";
import { readText } from "../../kernel/files.ts";
import { UserError } from "../../kernel/user-error.ts";

/** The text of the file that a flag names. @throws UserError with the flag when it can't be read */
export function readNamed(flag: string, path: string): string {
  try {
    return readText(path);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new UserError(`${flag} ${path}`, `cannot be read: ${errnoWords(error.errno)}`);
  }
}
