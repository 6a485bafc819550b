import { MailboxFile } from "../agent/mailbox-file.ts";
import type { CallingProcess } from "../container/caller/calling-process.ts";
import { type Printed, RemoteCaller } from "../container/caller/remote-caller.ts";
import { sendto } from "../kernel/calls.ts";
import { attempt } from "../kernel/here.ts";
import { Opened } from "../kernel/opened.ts";
import { MSG_NOSIGNAL, sendDescriptor } from "../kernel/socket.ts";
import { UserError } from "../kernel/user-error.ts";
import { answer, HELD, MAILBOX, TAKEN } from "./protocol.ts";

const encoder = new TextEncoder();

/** A process that is served: what it has called tsrun with, and what it gets in the end. */
export class Client implements Disposable {
  readonly caller: RemoteCaller;
  readonly server = process.pid;
  /** The connection, and the process's end of it, by its number there. */
  private readonly socket: number;
  private readonly connection: number;
  private readonly printed: Printed[] = [];
  private ring: ((answered: boolean) => void) | null = null;
  private gone = false;
  /** Whether it waits for a child of the caller. */
  isWaiting = false;
  private child: { readonly pid: number; readonly signals: Uint8Array } | null = null;

  constructor(socket: number, process: CallingProcess, connection: number) {
    this.socket = socket;
    this.connection = connection;
    this.caller = new RemoteCaller(() => this.sendMailbox(), process);
  }

  private sendMailbox(): MailboxFile {
    using opened = new Opened();
    const file = opened.use(new MailboxFile());
    sendDescriptor(this.socket, encoder.encode(MAILBOX), file.fd);
    opened.move();
    return file;
  }

  /** Prints when all is done. */
  print(stream: 1 | 2, text: string): void {
    this.printed.push({ stream, text });
  }

  /**
   * Takes the command for good, before anything is made. With `holds` the process's signals wait for its end, or for a
   * child in the foreground. @throws NotServed when the caller does it itself by now
   */
  claim(holds: boolean): void {
    if (attempt(sendto(this.socket, encoder.encode(holds ? HELD : TAKEN), MSG_NOSIGNAL)) < 0)
      throw new NotServed("the server was slow");
  }

  /** Waits for a child of the caller, which gets these signals meanwhile; returns its status (wait(2)). */
  async waitFor(pid: number, signals: Uint8Array): Promise<number> {
    const rung = new Promise<boolean>((resolve) => {
      this.ring = resolve;
    });
    this.caller.waitFor(pid, signals, this.connection);
    this.isWaiting = true;
    if (this.gone || !(await rung)) throw new UserError("caller", "has ended before the command was done");
    this.isWaiting = false;
    return await this.caller.waited();
  }

  /** In the end the caller waits for its child without the server, and exits as that does. */
  exitWith(pid: number, signals: Uint8Array): void {
    this.child = { pid, signals };
  }

  /** Something has come from the caller, or, `closed`, nothing will any more. */
  heard(closed: boolean): void {
    this.gone ||= closed;
    this.ring?.(!closed);
  }

  /** Has the caller print and exit. Returns what is to be sent to it for that; null where its agent does it. */
  finish(status: number): Uint8Array | null {
    const { caller, printed, child } = this;
    if (!caller.hasAgent) return answer(status, this.textFor(1), this.textFor(2));
    if (child !== null && status === 0) caller.exitWith(child.pid, child.signals, printed);
    else caller.exit(status, printed);
    return null;
  }

  private textFor(stream: 1 | 2): string {
    return this.printed
      .filter((one) => one.stream === stream)
      .map(({ text }) => text)
      .join("");
  }

  [Symbol.dispose](): void {
    this.caller[Symbol.dispose]();
  }
}

/** The caller does its command itself; the message says why. */
export class NotServed extends Error {
  override readonly name = "NotServed";
}
