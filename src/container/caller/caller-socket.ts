import { SyscallError } from "../../kernel/call.ts";
import { close, pidfdOpen } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { here } from "../../kernel/here.ts";
import { connectUnix, sendDescriptor } from "../../kernel/socket.ts";
import { UserError } from "../../kernel/user-error.ts";

const encoder = new TextEncoder();

/** A unix socket of the caller's that takes one descriptor. */
export class CallerSocket {
  private readonly flag: string;
  private readonly path: string;
  private readonly connection: number;

  /** Connects: early, before there is anything to undo. `flag` is what named the socket. @throws UserError */
  constructor(flag: string, path: string) {
    this.flag = flag;
    this.path = path;
    this.connection = this.try(() => connectUnix(path));
  }

  /** Sends the descriptor with a word about it; closes it and the connection. @throws UserError */
  send(word: string, descriptor: number): void {
    try {
      this.try(() => sendDescriptor(this.connection, encoder.encode(word), descriptor));
    } finally {
      here(close(descriptor));
      here(close(this.connection));
    }
  }

  private try<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      const isAlone = error.errno === ERRNO.ECONNREFUSED || error.errno === ERRNO.ENOENT;
      const hint = isAlone ? "; does anybody listen there?" : "";
      throw new UserError(`${this.flag} ${this.path}`, `${error.message}${hint}`);
    }
  }
}

/** What `--pidfd-socket` gets with the pidfd, as in runc: whether it is a container's init or an `exec`ed process. */
type PidfdKind = "standard" | "setns";

/**
 * Connects to `--pidfd-socket`. The returned function sends a pidfd of the process there, with which the receiver can
 * signal the process and wait for it without being misled by a reused pid. @throws UserError
 */
export function pidfdSender(path: string, kind: PidfdKind): (pid: number) => void {
  const socket = new CallerSocket("--pidfd-socket", path);
  return (pid) => socket.send(kind, here(pidfdOpen(pid)));
}
