/**
 * Requests to rtnetlink(7) about one network device each, with the names of linux/netlink.h, linux/rtnetlink.h and
 * linux/if_link.h.
 */
import type { Call, Fd, Room } from "./call.ts";
import { socket } from "./calls.ts";
import { AF_NETLINK, SOCK_RAW } from "./constants.ts";

export const NLMSG_ERROR = 2;
export const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const RTM_NEWLINK = 16;
export const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
export const IFLA_NET_NS_FD = 28;

/** `struct nlmsghdr` and, behind it, `struct ifinfomsg`. */
const HEADER = { length: 0, type: 4, flags: 6, sequence: 8, size: 16 } as const;
const LINK_SIZE = 16;

const encoder = new TextEncoder();

export const netlinkSocket = (): Call => socket(AF_NETLINK, SOCK_RAW);
export const sendRequest = (fd: Fd, request: Uint8Array): Call => ({
  name: "sendto",
  args: [fd, request, request.byteLength, 0, 0, 0],
});
export const receiveAnswer = (fd: Fd, into: Room): Call => ({
  name: "recvfrom",
  args: [fd, into, into.room, 0, 0, 0],
});
/** Enough for the answer to a request about one device, with the request that the kernel quotes in it. */
export const ANSWER_SIZE = 1024;

/** Makes a device of this kind (`dummy`, `veth`). */
export function makeLink(name: string, kind: string): Uint8Array {
  const info = attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, encoder.encode(kind)));
  return request(NLM_F_CREATE | NLM_F_EXCL, [attribute(IFLA_IFNAME, text(name)), info]);
}

/** Moves a device to the network namespace that a descriptor of the sender refers to. */
export function moveLink(name: string, namespace: number): Uint8Array {
  const fd = new Uint8Array(Uint32Array.of(namespace).buffer);
  return request(0, [attribute(IFLA_IFNAME, text(name)), attribute(IFLA_NET_NS_FD, fd)]);
}

/** The errno in an answer: 0 when what was asked for is done. @throws Error when it is no answer */
export function answeredErrno(answer: Uint8Array): number {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  if (view.getUint16(HEADER.type, true) !== NLMSG_ERROR)
    throw new Error("rtnetlink answered something else than whether it did what it was asked for");
  return -view.getInt32(HEADER.size, true);
}

function request(flags: number, attributes: readonly Uint8Array[]): Uint8Array {
  const body = joined([new Uint8Array(HEADER.size + LINK_SIZE), ...attributes]);
  const view = new DataView(body.buffer);
  view.setUint32(HEADER.length, body.byteLength, true);
  view.setUint16(HEADER.type, RTM_NEWLINK, true);
  view.setUint16(HEADER.flags, NLM_F_REQUEST | NLM_F_ACK | flags, true);
  view.setUint32(HEADER.sequence, 1, true);
  return body;
}

/** `struct rtattr` with its payload, padded to 4 bytes. */
export function attribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer((4 + payload.byteLength + 3) & ~3));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + payload.byteLength, true);
  view.setUint16(2, type, true);
  bytes.set(payload, 4);
  return bytes;
}

const text = (name: string) => encoder.encode(`${name}\0`);

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(new ArrayBuffer(parts.reduce((sum, { byteLength }) => sum + byteLength, 0)));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
