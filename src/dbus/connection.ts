/**
 * A connection to a D-Bus: to a message bus, or to a peer that listens itself, as systemd does. Calls are sent and
 * their answers waited for apart, so that several are on the way at once, and tsrun does other things meanwhile.
 *
 * A client of our own, since it is so little: the npm packages for it bring an event loop's sockets and 7 to 12 ms of
 * start-up with them, as much as the whole `create`.
 */
import { SyscallError } from "../kernel/call.ts";
import { close, read } from "../kernel/calls.ts";
import { ERRNO } from "../kernel/errno.ts";
import { isErrno, writeAll } from "../kernel/files.ts";
import { attempt, here } from "../kernel/here.ts";
import { connectUnix, peerCredentials } from "../kernel/socket.ts";
import { UserError } from "../kernel/user-error.ts";
import { readable, until } from "../kernel/wait.ts";
import { decodeMessage, encodeMessage, HEADER_START, type Message, messageLength } from "./message.ts";
import type { Value } from "./values.ts";

/** A call, as its receiver's documentation has it. */
export interface MethodCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly Value[];
}

/** An answer that is an error: `org.freedesktop.systemd1.NoSuchUnit: Unit x.scope not loaded.` */
export class BusError extends UserError {
  override readonly name: string;

  constructor(name: string, text: string) {
    super(text === "" ? name : `${name}: ${text}`);
    this.name = name;
  }
}

/** No answer in time, or a peer that hangs up. */
export class BusLostError extends UserError {}

/**
 * Says who we are: the kernel tells the other side (EXTERNAL, with no name of our own to hold against that, which
 * inside a user namespace would be another one).
 */
const AUTHENTICATION = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
/** What is said to it, in lines; then messages follow. */
const ACCEPTED = /^DATA\r\nOK [^\r\n]*\r\n/;
const MOST_ACCEPTED = 256;

/** How long a listener's queue may be full, in milliseconds. */
const CONNECT_PATIENCE = 1000;

export class Connection implements Disposable {
  private readonly socket: number;
  private serial = 0;
  private accepted = false;
  /** What has come and is no whole message yet. */
  private bytes = new Uint8Array(0);
  private readonly waiting: Message[] = [];

  private constructor(socket: number) {
    this.socket = socket;
  }

  /** Connects to who listens at a path. @throws SyscallError when nobody does */
  static async to(path: string): Promise<Connection> {
    const connection = new Connection(await connect(path));
    try {
      writeAll(connection.socket, AUTHENTICATION);
      return connection;
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether the other side sees our processes by the pids that they have here. */
  get sharesPids(): boolean {
    return peerCredentials(this.socket).pid !== 0;
  }

  /**
   * Waits until the other side knows who we are. systemd's own socket needs it: a message that is read together with
   * the end of the authentication lies there until another one comes. @throws BusLostError
   */
  async untilAccepted(deadline: number): Promise<void> {
    while (!this.accepted && !this.readAccepted()) await this.readMore(deadline);
  }

  /** Sends a call; returns the number to ask for its answer by. */
  send(call: MethodCall): number {
    this.serial += 1;
    this.write(encodeMessage({ type: "call", serial: this.serial, body: [], ...call }));
    return this.serial;
  }

  /** Waits for the answer to a call. @throws BusError, BusLostError */
  async answer(serial: number, deadline: number): Promise<readonly Value[]> {
    const { type, errorName, body } = await this.receive(
      ({ replySerial }) => replySerial === serial,
      deadline,
    );
    if (type !== "error") return body;
    const [text] = body;
    throw new BusError(errorName ?? "an error without a name", typeof text === "string" ? text : "");
  }

  /** Waits for a message; others are kept for whoever asks for them. @throws BusLostError */
  async receive(wanted: (message: Message) => boolean, deadline: number): Promise<Message> {
    const index = this.waiting.findIndex(wanted);
    const [kept] = index < 0 ? [] : this.waiting.splice(index, 1);
    if (kept !== undefined) return kept;
    for (;;) {
      const message = this.next();
      if (message === null) await this.readMore(deadline);
      else if (wanted(message)) return message;
      else this.waiting.push(message);
    }
  }

  private write(bytes: Uint8Array): void {
    try {
      writeAll(this.socket, bytes);
    } catch (error) {
      if (isErrno(error, ERRNO.EPIPE, ERRNO.ECONNRESET)) throw new BusLostError("the connection was closed");
      throw error;
    }
  }

  /** The next whole message of what has come. */
  private next(): Message | null {
    if (!this.accepted && !this.readAccepted()) return null;
    const { bytes } = this;
    if (bytes.byteLength < HEADER_START) return null;
    const length = messageLength(bytes);
    if (bytes.byteLength < length) return null;
    this.bytes = bytes.slice(length);
    return decodeMessage(bytes.slice(0, length));
  }

  private readAccepted(): boolean {
    const text = new TextDecoder("latin1").decode(this.bytes.subarray(0, MOST_ACCEPTED));
    const [lines] = ACCEPTED.exec(text) ?? [];
    if (lines === undefined) {
      if (/^(REJECTED|ERROR)/m.test(text)) throw new BusLostError("it does not accept this user");
      return false;
    }
    this.bytes = this.bytes.slice(lines.length);
    this.accepted = true;
    return true;
  }

  private async readMore(deadline: number): Promise<void> {
    const left = deadline - performance.now();
    if (left <= 0 || !(await readable(this.socket, left)))
      throw new BusLostError("there was no answer in time");
    const more = new Uint8Array(16_384);
    const count = attempt(read(this.socket, more));
    if (count === 0 || count === -ERRNO.ECONNRESET) throw new BusLostError("the connection was closed");
    if (count === -ERRNO.EINTR) return;
    if (count < 0) throw new SyscallError(read(this.socket, more), -count);
    const bytes = new Uint8Array(this.bytes.byteLength + count);
    bytes.set(this.bytes);
    bytes.set(more.subarray(0, count), this.bytes.byteLength);
    this.bytes = bytes;
  }

  [Symbol.dispose](): void {
    here(close(this.socket));
  }
}

/** A listener with a full queue answers EAGAIN; it will get to us. */
async function connect(path: string): Promise<number> {
  let socket = -1;
  const connects = () => {
    try {
      socket = connectUnix(path);
      return true;
    } catch (error) {
      if (!isErrno(error, ERRNO.EAGAIN)) throw error;
      return false;
    }
  };
  return (await until(connects, CONNECT_PATIENCE)) ? socket : connectUnix(path);
}
