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
import { write } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { attempt } from "../../kernel/here.ts";
import { receiveWithDescriptor } from "../../kernel/socket.ts";
import { type CriuOptions, REQUEST, RESPONSE, type Response, TYPES } from "./messages.ts";
import { decode, encode, type Message } from "./protobuf.ts";

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
  readonly onNotification?: (notification: Notification) => Promise<void> | void;
}

/** A criu that waits for its request, or does what it was asked for. */
export interface Service {
  /** Our end of the socket. */
  readonly socket: number;
  /** Waits until a message has come: false when criu has ended without one. */
  hasAnswered(): Promise<boolean>;
}

/** How criu ended. */
export interface Answer {
  /** Its last answer; null when it ended without one. */
  readonly response: Response | null;
  /** What it printed before it had a log. */
  readonly printed: string;
}

/**
 * Sends criu its request; returns its last answer, or null when it ended without one. If `onNotification` throws, criu
 * gives up and undoes what it has done; then the error is thrown here.
 */
export async function ask(service: Service, request: Request): Promise<Response | null> {
  const { socket } = service;
  send(socket, { type: TYPES[request.type], options: { imagesDirectory: -1, ...request.options } });
  let trouble: { readonly error: unknown } | null = null;
  while (await service.hasAnswered()) {
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
  if (trouble !== null) throw trouble.error;
  return null;
}

function send(socket: number, message: Message<typeof REQUEST>): void {
  const call = write(socket, encode(REQUEST, message));
  const result = attempt(call);
  if (result >= 0 || result === -ERRNO.EPIPE) return; // EPIPE: criu has ended, which the next read notices
  throw new SyscallError(call, -result);
}
