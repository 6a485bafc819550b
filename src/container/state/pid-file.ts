import type { Caller } from "../../agent/caller.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, openat, renameat2 } from "../../kernel/calls.ts";
import { O_CREAT, O_EXCL, O_WRONLY } from "../../kernel/constants.ts";
import { errnoWords } from "../../kernel/errno.ts";
import { removeFile, writeAll } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { Undo } from "./undo.ts";

/**
 * Writes `--pid-file`: digits only, since containerd reads the whole file as a number, and whole at once, since some
 * callers wait for it to appear. @throws UserError
 */
export function writePidFile(caller: Caller, path: string, pid: number, undo: Undo): void {
  try {
    write(path, String(pid), `${path}.${pid}`, 0o644 & ~caller.umask);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new UserError(`--pid-file ${path}`, `cannot be written: ${errnoWords(error.errno)}`);
  }
  undo.add(() => removeFile(path));
}

/** Others may write to the directory too: whatever already has the draft's name, such as a link, is left alone. */
function write(path: string, text: string, draft: string, mode: number): void {
  const fd = here(openat(CWD, draft, O_WRONLY | O_CREAT | O_EXCL, mode));
  try {
    writeAll(fd, text);
    here(renameat2(CWD, draft, CWD, path, 0));
  } catch (error) {
    removeFile(draft);
    throw error;
  } finally {
    here(close(fd));
  }
}
