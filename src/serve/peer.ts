import type { Environment } from "../agent/caller.ts";
import { type CallingProcess, environmentIn } from "../container/caller/calling-process.ts";
import { CWD, close, ppoll } from "../kernel/calls.ts";
import { POLLIN } from "../kernel/constants.ts";
import { readLink, readText } from "../kernel/files.ts";
import { here } from "../kernel/here.ts";
import { pollFd } from "../kernel/structs.ts";
import { type Standing, standingOf } from "./standing.ts";

/** Bytes of arguments and environment that a process may have to be served: more than execve(2) gives any. */
const MOST_WORDS = 8 * 2 ** 20;

/** The process at the other end of a connection. */
export class Peer implements CallingProcess, Disposable {
  readonly pid: number;
  readonly pidfd: number;
  readonly proc: string;
  readonly status: string;
  readonly env: Environment;
  private known: Standing | null = null;

  /** Takes the pidfd. @throws SyscallError when the process has ended */
  constructor(pid: number, pidfd: number) {
    this.pid = pid;
    this.pidfd = pidfd;
    this.proc = `/proc/${pid}`;
    try {
      this.status = readText(`${this.proc}/status`);
      this.env = environmentIn(readText(`${this.proc}/environ`, CWD, MOST_WORDS));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** How it stood when that was first asked. */
  get standing(): Standing {
    this.known ??= standingOf(this.proc, this.status);
    return this.known;
  }

  /** What it was called with, without its own name. */
  get argv(): readonly string[] {
    return readText(`${this.proc}/cmdline`, CWD, MOST_WORDS).split("\0").slice(1, -1);
  }

  namespace(file: string): string {
    return this.standing.namespaces.get(file) ?? readLink(`${this.proc}/ns/${file}`);
  }

  /** As long as it lives, its pid is nobody else's: all that was read by that was of the process that has asked. */
  get hasEnded(): boolean {
    return here(ppoll(pollFd(this.pidfd, POLLIN), 0)) !== 0;
  }

  [Symbol.dispose](): void {
    here(close(this.pidfd));
  }
}
