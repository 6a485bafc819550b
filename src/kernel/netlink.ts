/** Messages of rtnetlink(7) and their attributes, with the names of linux/netlink.h and linux/rtnetlink.h. */
import { SyscallError } from "./call.ts";
import { recvfrom, sendto } from "./calls.ts";
import { here } from "./here.ts";

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

/** `struct nlmsghdr` and `struct rtattr`: where their fields are, and how long they are. */
const HEADER = { length: 0, type: 4, flags: 6, size: 16 } as const;
const ATTRIBUTE = { length: 0, type: 2, size: 4 } as const;
/** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const ATTRIBUTE_TYPES = 0x3fff;

export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
}

interface Message {
  readonly type: number;
  readonly body: Uint8Array;
}

const encoder = new TextEncoder();

export const textAttribute = (type: number, text: string): Attribute => ({
  type,
  value: encoder.encode(`${text}\0`),
});

export const int32Attribute = (type: number, number: number): Attribute => ({
  type,
  value: new Uint8Array(Int32Array.of(number).buffer),
});

/** A request: `body` is the structure that its type takes, followed by attributes. */
export function request(
  type: number,
  flags: number,
  body: Uint8Array,
  attributes: readonly Attribute[],
): Uint8Array {
  const bytes = joined([new Uint8Array(HEADER.size), body, packed(attributes)]);
  const view = viewOf(bytes);
  view.setUint32(HEADER.length, bytes.byteLength, true);
  view.setUint16(HEADER.type, type, true);
  view.setUint16(HEADER.flags, NLM_F_REQUEST | flags, true);
  return bytes;
}

/** Attributes as the kernel takes them, each padded to 4 bytes: part of a request, or nested in an attribute. */
export function packed(attributes: readonly Attribute[]): Uint8Array {
  return joined(
    attributes.map(({ type, value }) => {
      const length = ATTRIBUTE.size + value.byteLength;
      const bytes = new Uint8Array(padded(length));
      const view = viewOf(bytes);
      view.setUint16(ATTRIBUTE.length, length, true);
      view.setUint16(ATTRIBUTE.type, type, true);
      bytes.set(value, ATTRIBUTE.size);
      return bytes;
    }),
  );
}

export function attributesIn(bytes: Uint8Array): readonly Attribute[] {
  const view = viewOf(bytes);
  const attributes: Attribute[] = [];
  for (let at = 0; at + ATTRIBUTE.size <= bytes.byteLength; ) {
    const length = view.getUint16(at + ATTRIBUTE.length, true);
    if (length < ATTRIBUTE.size) break;
    const type = view.getUint16(at + ATTRIBUTE.type, true) & ATTRIBUTE_TYPES;
    attributes.push({ type, value: bytes.slice(at + ATTRIBUTE.size, at + length) });
    at += padded(length);
  }
  return attributes;
}

/**
 * Sends a request and returns the bodies of its answers, up to an acknowledgement, a single answer or the end of a
 * dump. @throws SyscallError
 */
export function exchange(socket: number, request: Uint8Array): readonly Uint8Array[] {
  here(sendto(socket, request, 0));
  const dump = (viewOf(request).getUint16(HEADER.flags, true) & NLM_F_DUMP) === NLM_F_DUMP;
  const answers: Uint8Array[] = [];
  for (;;) {
    const buffer = new Uint8Array(32_768);
    const length = here(recvfrom(socket, buffer, 0));
    for (const { type, body } of messagesIn(buffer.subarray(0, length))) {
      if (type === NLMSG_DONE) return answers;
      if (type === NLMSG_ERROR) {
        const errno = errnoIn(body);
        if (errno !== 0) throw new SyscallError({ name: "sendto", args: ["netlink"] }, errno);
        return answers;
      }
      answers.push(body);
      if (!dump) return answers;
    }
  }
}

/** Enough for an acknowledgement, with the request that the kernel quotes in it. */
export const ACKNOWLEDGEMENT_SIZE = 1024;

/** The errno in an acknowledgement: 0 when what was asked for is done. @throws Error when it is none */
export function acknowledgedErrno(answer: Uint8Array): number {
  const [first] = messagesIn(answer);
  if (first?.type !== NLMSG_ERROR)
    throw new Error("rtnetlink answered something else than whether it did what it was asked for");
  return errnoIn(first.body);
}

const errnoIn = (body: Uint8Array) => -viewOf(body).getInt32(0, true);

function messagesIn(bytes: Uint8Array): readonly Message[] {
  const view = viewOf(bytes);
  const messages: Message[] = [];
  for (let at = 0; at + HEADER.size <= bytes.byteLength; ) {
    const length = view.getUint32(at + HEADER.length, true);
    if (length < HEADER.size) break;
    const type = view.getUint16(at + HEADER.type, true);
    messages.push({ type, body: bytes.slice(at + HEADER.size, at + length) });
    at += padded(length);
  }
  return messages;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

const padded = (length: number) => (length + 3) & ~3;

export const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
