/** `--output FILE`: where a process's standard output and error go in place of the caller's. Loaded only with the flag. */
import type { Process } from "../../../runtime-spec/config.ts";
import type { Caller } from "../../agent/caller.ts";
import { fromCaller } from "../../container/caller/caller.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { AT_EMPTY_PATH, O_APPEND, O_CREAT, O_EXCL, O_NOCTTY, O_WRONLY } from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { removeFile, status } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";

/** What a program prints may be secret: only its owner may read it, unless the file was there with another mode. */
const MODE = 0o600;
const FLAGS = O_WRONLY | O_APPEND | O_NOCTTY;

/** A file that is the output of what is started for the caller. Disposing of it removes it if it was made in vain. */
export class OutputFile implements Disposable {
  private readonly path: string;
  private readonly fd: number;
  private isNew: boolean;

  /** @throws UserError when it can't be written, or the process has a terminal */
  constructor(caller: Caller, file: string, { terminal }: Process) {
    const place = `--output ${file}`;
    if (terminal)
      throw new UserError(
        place,
        "a process with a terminal prints there: set process.terminal to false, as `tsrun spec --no-terminal` does",
      );
    this.path = fromCaller(caller, file);
    const mode = MODE & ~caller.umask;
    let fd = attempt(openat(CWD, this.path, FLAGS | O_CREAT | O_EXCL, mode));
    this.isNew = fd >= 0;
    if (fd === -ERRNO.EEXIST) fd = attempt(openat(CWD, this.path, FLAGS | O_CREAT, mode));
    if (fd < 0) throw new UserError(place, `cannot be written: ${errnoWords(-fd)}`);
    this.fd = fd;
    caller.output = { path: this.path, fd };
  }

  /** The process has been started: the file is its own. */
  keep(): void {
    this.isNew = false;
  }

  [Symbol.dispose](): void {
    if (this.isNew && status("", AT_EMPTY_PATH, this.fd).size === 0) removeFile(this.path);
    here(close(this.fd));
  }
}
