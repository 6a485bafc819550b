/**
 * Network interfaces and their addresses, by talks over a socket of rtnetlink(7) in the network namespace that they
 * are in. Names are those of linux/rtnetlink.h.
 */
import { SyscallError } from "./call.ts";
import { recvfrom, sendto } from "./calls.ts";
import { ERRNO } from "./errno.ts";
import { here } from "./here.ts";
import {
  attribute,
  IFLA_IFNAME,
  IFLA_NET_NS_FD,
  joined,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  RTM_NEWLINK,
} from "./netlink.ts";

const NLMSG_DONE = 3;
const NLM_F_DUMP = 0x300;
const HEADER = 16;

const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RT_SCOPE_UNIVERSE = 0;

// linux/if_addr.h, linux/if.h
const IFA_LABEL = 3;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;
const IFA_F_PERMANENT = 0x80;
const IFA_F_NOPREFIXROUTE = 0x200;
const IFF_UP = 1;
const IFINFOMSG = 16;
const IFADDRMSG = 8;

const encoder = new TextEncoder();

interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
}

export interface Interface {
  readonly index: number;
  readonly up: boolean;
}

/** An address as the kernel told it: `struct ifaddrmsg` and the attributes that make it anew elsewhere. */
export interface Address {
  readonly message: Uint8Array;
  readonly attributes: readonly Attribute[];
}

/** The interface of that name; null when there is none. @throws SyscallError */
export function findInterface(socket: number, name: string): Interface | null {
  const request = message(RTM_GETLINK, 0, new Uint8Array(IFINFOMSG), [nameAttribute(name)]);
  try {
    const [answer] = exchange(socket, request);
    if (answer === undefined) return null;
    const view = viewOf(answer);
    return { index: view.getInt32(HEADER + 4, true), up: (view.getUint32(HEADER + 8, true) & IFF_UP) !== 0 };
  } catch (error) {
    if (error instanceof SyscallError && error.errno === ERRNO.ENODEV) return null;
    throw error;
  }
}

/** The addresses of an interface that are permanent and valid everywhere. @throws SyscallError */
export function globalAddresses(socket: number, index: number): readonly Address[] {
  const answers = exchange(socket, message(RTM_GETADDR, NLM_F_DUMP, new Uint8Array(IFADDRMSG), []));
  return answers
    .filter((answer) => {
      const view = viewOf(answer);
      return view.getUint32(HEADER + 4, true) === index && view.getUint8(HEADER + 3) === RT_SCOPE_UNIVERSE;
    })
    .map((answer) => ({
      message: answer.slice(HEADER, HEADER + IFADDRMSG),
      attributes: attributesIn(answer.subarray(HEADER + IFADDRMSG)),
    }))
    .filter(isPermanent)
    .map(({ message, attributes }) => ({
      message,
      attributes: attributes.filter(isOfAddress).map(settable),
    }));
}

/** Not how long it has been there, nor a name that begins with the interface's, which may change. */
const isOfAddress = ({ type }: Attribute) => type !== IFA_CACHEINFO && type !== IFA_LABEL;

/** Without the flags that the kernel sets itself. */
function settable({ type, value }: Attribute): Attribute {
  if (type !== IFA_FLAGS) return { type, value };
  const flags = new Uint8Array(4);
  viewOf(flags).setUint32(0, viewOf(value).getUint32(0, true) & (IFA_F_NODAD | IFA_F_NOPREFIXROUTE), true);
  return { type, value: flags };
}

function isPermanent({ message, attributes }: Address): boolean {
  const flags = attributes.find(({ type }) => type === IFA_FLAGS);
  const bits = flags === undefined ? (message[2] ?? 0) : viewOf(flags.value).getUint32(0, true);
  return (bits & IFA_F_PERMANENT) !== 0;
}

/** Gives an interface an address. @throws SyscallError */
export function addAddress(socket: number, index: number, { message: told, attributes }: Address): void {
  const body = told.slice();
  viewOf(body).setUint32(4, index, true);
  exchange(socket, message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body, attributes));
}

/** Moves an interface to the network namespace behind a descriptor, under that name. @throws SyscallError */
export function moveInterface(socket: number, index: number, namespace: number, name: string): void {
  const fd = new Uint8Array(4);
  viewOf(fd).setInt32(0, namespace, true);
  const attributes = [{ type: IFLA_NET_NS_FD, value: fd }, nameAttribute(name)];
  exchange(socket, message(RTM_NEWLINK, NLM_F_ACK, linkMessage(index, 0, 0), attributes));
}

/** Takes an interface up or down. @throws SyscallError */
export function setUp(socket: number, index: number, up: boolean): void {
  exchange(socket, message(RTM_NEWLINK, NLM_F_ACK, linkMessage(index, up ? IFF_UP : 0, IFF_UP), []));
}

/** `struct ifinfomsg`. */
function linkMessage(index: number, flags: number, change: number): Uint8Array {
  const body = new Uint8Array(IFINFOMSG);
  const view = viewOf(body);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, change, true);
  return body;
}

const nameAttribute = (name: string): Attribute => ({
  type: IFLA_IFNAME,
  value: encoder.encode(`${name}\0`),
});

function message(
  type: number,
  flags: number,
  body: Uint8Array,
  attributes: readonly Attribute[],
): Uint8Array {
  const packed = attributes.map((one) => attribute(one.type, one.value));
  const bytes = joined([new Uint8Array(HEADER), body, ...packed]);
  const view = viewOf(bytes);
  view.setUint32(0, bytes.byteLength, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | flags, true);
  return bytes;
}

function attributesIn(bytes: Uint8Array): readonly Attribute[] {
  const view = viewOf(bytes);
  const attributes: Attribute[] = [];
  for (let at = 0; at + 4 <= bytes.byteLength; ) {
    const length = view.getUint16(at, true);
    if (length < 4) break;
    attributes.push({ type: view.getUint16(at + 2, true) & 0x3fff, value: bytes.slice(at + 4, at + length) });
    at += padded(length);
  }
  return attributes;
}

/** Sends a request and gives the answers up to its end: an acknowledgement, a single answer, or the last of a dump. */
function exchange(socket: number, request: Uint8Array): readonly Uint8Array[] {
  here(sendto(socket, request, 0));
  const dump = (viewOf(request).getUint16(6, true) & NLM_F_DUMP) === NLM_F_DUMP;
  const answers: Uint8Array[] = [];
  for (;;) {
    const buffer = new Uint8Array(32_768);
    const length = here(recvfrom(socket, buffer, 0));
    const view = viewOf(buffer);
    for (let at = 0; at + HEADER <= length; at += padded(view.getUint32(at, true))) {
      const type = view.getUint16(at + 4, true);
      if (type === NLMSG_DONE) return answers;
      if (type === NLMSG_ERROR) {
        const errno = -view.getInt32(at + HEADER, true);
        if (errno !== 0) throw new SyscallError({ name: "sendto", args: ["netlink"] }, errno);
        return answers;
      }
      answers.push(buffer.slice(at, at + view.getUint32(at, true)));
      if (!dump) return answers;
    }
  }
}

const padded = (length: number) => (length + 3) & ~3;

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
