import type { MailboxFile } from "../agent/mailbox-file.ts";
import { type Printed, type Process, RemoteCaller } from "../container/caller/remote-caller.ts";
import { UserError } from "../kernel/user-error.ts";

/** A process that is served: what it has called tsrun with, and what it gets in the end. */
export class Client implements Disposable {
  readonly caller: RemoteCaller;
  private readonly file: MailboxFile;
  /** Its end of the connection, by its number there. */
  private readonly connection: number;
  private readonly printed: Printed[] = [];
  private ring: ((answered: boolean) => void) | null = null;
  private gone = false;

  constructor(file: MailboxFile, process: Process, connection: number) {
    this.file = file;
    this.connection = connection;
    this.caller = new RemoteCaller(file, process);
  }

  /** Prints when all is done. */
  print(stream: 1 | 2, text: string): void {
    this.printed.push({ stream, text });
  }

  /** Takes the command for good, before anything is made. @throws NotServed when the caller does it itself by now */
  claim(): void {
    if (!this.caller.claim()) throw new NotServed("the server was slow");
  }

  /** Waits for a child of the caller, which gets these signals meanwhile; returns its status (wait(2)). */
  async waitFor(pid: number, signals: Uint8Array): Promise<number> {
    const rung = new Promise<boolean>((resolve) => {
      this.ring = resolve;
    });
    this.caller.waitFor(pid, signals, this.connection);
    if (this.gone || !(await rung)) throw new UserError("caller", "has ended before all was done");
    return this.caller.waited;
  }

  /** Something has come from the caller, or, `closed`, nothing will any more. */
  heard(closed: boolean): void {
    this.gone ||= closed;
    this.ring?.(!closed);
  }

  finish(status: number): void {
    this.caller.exit(status, this.printed);
  }

  [Symbol.dispose](): void {
    this.caller[Symbol.dispose]();
    this.file[Symbol.dispose]();
  }
}

/** The caller does its command itself; the message says why. */
export class NotServed extends Error {
  override readonly name = "NotServed";
}
