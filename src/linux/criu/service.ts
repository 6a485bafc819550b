/**
 * One run of criu(8): `criu swrk FD` takes one request from a socket whose other end tsrun has, answers, and ends.
 *
 *     tsrun                              criu
 *     request                  ──▶
 *                              ◀──       notify: a stage that it has reached, perhaps with a descriptor
 *     notifySuccess            ──▶
 *                              ◀──       success, or not
 */
import { SyscallError } from "../../kernel/call.ts";
import { close, write } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { attempt, here } from "../../kernel/here.ts";
import { receiveWithDescriptor, seqpacketPair } from "../../kernel/socket.ts";
import { readable } from "../../kernel/wait.ts";
import { type CriuOptions, REQUEST, RESPONSE, type Response, TYPES } from "./messages.ts";
import { decode, encode, type Message } from "./protobuf.ts";

/** Where criu finds its end of the socket: after the standard streams. */
const SOCKET = 3;

/** The first of the descriptors that are passed to criu, after the socket. */
export const FIRST_HANDED = 4;

/** An answer has a few hundred bytes; criu truncates error messages. */
const MOST = 65_536;

/** A stage that criu has reached. */
export interface Notification {
  /** criu's name for it, such as `post-restore`. */
  readonly script: string;
  /** The root process, if there is one. */
  readonly pid: number;
  /** A descriptor that came with it; it is the listener's to close. */
  readonly descriptor: number | null;
}

export interface Request {
  readonly type: "dump" | "preDump" | "restore" | "version";
  readonly options?: CriuOptions;
  /** Whether criu has tsrun's standard streams, so that restored processes can inherit them. */
  readonly withStreams?: boolean;
  /** Descriptors that criu has as FIRST_HANDED and following. */
  readonly handed?: readonly number[];
  /** Called when criu runs, before it gets the request. */
  readonly onStart?: (pid: number) => Promise<void>;
  readonly onNotification?: (notification: Notification) => Promise<void> | void;
}

/** How criu ended. */
export interface Answer {
  /** Its last answer; null when it ended without one. */
  readonly response: Response | null;
  /** What it printed before it had a log; empty if it has tsrun's streams. */
  readonly printed: string;
}

/**
 * Starts criu and sends it the request. If `onNotification` throws, criu gives up and undoes what it has done; then the
 * error is thrown here. Null if there is no criu in PATH.
 */
export async function ask(request: Request): Promise<Answer | null> {
  const path = Bun.which("criu");
  if (path === null) return null;
  const [mine, theirs] = seqpacketPair();
  const streams = request.withStreams
    ? (["inherit", "inherit", "inherit"] as const)
    : (["ignore", "ignore", "pipe"] as const);
  const criu = Bun.spawn([path, "swrk", String(SOCKET)], {
    stdio: [...streams, theirs, ...(request.handed ?? [])],
  });
  here(close(theirs));
  const printed = criu.stderr === undefined ? "" : Bun.readableStreamToText(criu.stderr);
  const response = await asked(mine, request, criu.pid).finally(() => criu.exited);
  return { response, printed: await printed };
}

/** Closes tsrun's end of the socket, on which criu ends. */
async function asked(socket: number, request: Request, pid: number): Promise<Response | null> {
  try {
    await request.onStart?.(pid);
    return await converse(socket, request);
  } finally {
    here(close(socket));
  }
}

async function converse(socket: number, request: Request): Promise<Response | null> {
  send(socket, { type: TYPES[request.type], options: { imagesDirectory: -1, ...request.options } });
  let trouble: { readonly error: unknown } | null = null;
  for (;;) {
    await readable(socket, Number.POSITIVE_INFINITY);
    const { bytes, descriptor } = receiveWithDescriptor(socket, MOST);
    const response = bytes.length === 0 ? null : decode(RESPONSE, bytes);
    if (response?.type !== TYPES.notify) {
      if (trouble !== null) throw trouble.error;
      return response;
    }
    try {
      const { script = "", pid = 0 } = response.notify ?? {};
      await request.onNotification?.({ script, pid, descriptor });
    } catch (error) {
      trouble ??= { error };
    }
    send(socket, { type: TYPES.notify, notifySuccess: trouble === null });
  }
}

function send(socket: number, message: Message<typeof REQUEST>): void {
  const call = write(socket, encode(REQUEST, message));
  const result = attempt(call);
  if (result >= 0 || result === -ERRNO.EPIPE) return; // EPIPE: criu has ended, which the next read notices
  throw new SyscallError(call, -result);
}
