/**
 * Network interfaces (links, as rtnetlink(7) calls them) and their addresses. A socket reaches the network namespace
 * that it was made in. Names are those of linux/rtnetlink.h, if_link.h and if_addr.h.
 */
import { SyscallError } from "./call.ts";
import { IFF_UP } from "./constants.ts";
import { ERRNO } from "./errno.ts";
import {
  type Attribute,
  attributesIn,
  exchange,
  int32Attribute,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  packed,
  request,
  textAttribute,
  viewOf,
} from "./netlink.ts";

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RT_SCOPE_UNIVERSE = 0;

const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_NET_NS_FD = 28;

const IFA_LABEL = 3;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;
const IFA_F_PERMANENT = 0x80;
const IFA_F_NOPREFIXROUTE = 0x200;

/** `struct ifinfomsg` and `struct ifaddrmsg`: where their fields are, and how long they are. */
const IFINFOMSG = { index: 4, flags: 8, change: 12, size: 16 } as const;
const IFADDRMSG = { flags: 2, scope: 3, index: 4, size: 8 } as const;

const encoder = new TextEncoder();

interface Interface {
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
  const asked = request(RTM_GETLINK, 0, linkMessage(0, 0, 0), [nameAttribute(name)]);
  try {
    const [answer] = exchange(socket, asked);
    if (answer === undefined) return null;
    const view = viewOf(answer);
    const flags = view.getUint32(IFINFOMSG.flags, true);
    return { index: view.getInt32(IFINFOMSG.index, true), up: (flags & IFF_UP) !== 0 };
  } catch (error) {
    if (error instanceof SyscallError && error.errno === ERRNO.ENODEV) return null;
    throw error;
  }
}

/** The addresses of an interface that are permanent and valid everywhere. @throws SyscallError */
export function globalAddresses(socket: number, index: number): readonly Address[] {
  return exchange(socket, request(RTM_GETADDR, NLM_F_DUMP, new Uint8Array(IFADDRMSG.size), []))
    .filter((answer) => {
      const view = viewOf(answer);
      return (
        view.getUint32(IFADDRMSG.index, true) === index &&
        view.getUint8(IFADDRMSG.scope) === RT_SCOPE_UNIVERSE
      );
    })
    .map((answer) => ({
      message: answer.slice(0, IFADDRMSG.size),
      attributes: attributesIn(answer.subarray(IFADDRMSG.size)),
    }))
    .filter(isPermanent)
    .map(({ message, attributes }) => ({
      message,
      attributes: attributes.filter(isOfAddress).map(settable),
    }));
}

/** Without its age, and without a label, which begins with the interface's name and so may change. */
const isOfAddress = ({ type }: Attribute) => type !== IFA_CACHEINFO && type !== IFA_LABEL;

/** Without the flags that the kernel sets itself. */
function settable({ type, value }: Attribute): Attribute {
  if (type !== IFA_FLAGS) return { type, value };
  return int32Attribute(type, viewOf(value).getUint32(0, true) & (IFA_F_NODAD | IFA_F_NOPREFIXROUTE));
}

function isPermanent({ message, attributes }: Address): boolean {
  const flags = attributes.find(({ type }) => type === IFA_FLAGS);
  const bits = flags === undefined ? (message[IFADDRMSG.flags] ?? 0) : viewOf(flags.value).getUint32(0, true);
  return (bits & IFA_F_PERMANENT) !== 0;
}

/** Gives an interface an address. @throws SyscallError */
export function addAddress(socket: number, index: number, { message: told, attributes }: Address): void {
  const body = told.slice();
  viewOf(body).setUint32(IFADDRMSG.index, index, true);
  exchange(socket, request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body, attributes));
}

/**
 * The request for a new interface of this kind (`dummy`, `veth`). It and the next are only built here: another process
 * may send them.
 */
export function makeLink(name: string, kind: string): Uint8Array {
  const info = packed([{ type: IFLA_INFO_KIND, value: encoder.encode(kind) }]);
  return request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, linkMessage(0, 0, 0), [
    nameAttribute(name),
    { type: IFLA_LINKINFO, value: info },
  ]);
}

/**
 * The request to move an interface to the network namespace behind a descriptor of the sender's, and to call it `name`.
 * With index 0 it is the interface that has this name already.
 */
export function moveLink(index: number, namespace: number, name: string): Uint8Array {
  const attributes = [int32Attribute(IFLA_NET_NS_FD, namespace), nameAttribute(name)];
  return request(RTM_NEWLINK, NLM_F_ACK, linkMessage(index, 0, 0), attributes);
}

/** Moves an interface to the network namespace behind a descriptor, under that name. @throws SyscallError */
export function moveInterface(socket: number, index: number, namespace: number, name: string): void {
  exchange(socket, moveLink(index, namespace, name));
}

/** Takes an interface up or down. @throws SyscallError */
export function setUp(socket: number, index: number, up: boolean): void {
  exchange(socket, request(RTM_NEWLINK, NLM_F_ACK, linkMessage(index, up ? IFF_UP : 0, IFF_UP), []));
}

/** `struct ifinfomsg`. */
function linkMessage(index: number, flags: number, change: number): Uint8Array {
  const body = new Uint8Array(IFINFOMSG.size);
  const view = viewOf(body);
  view.setInt32(IFINFOMSG.index, index, true);
  view.setUint32(IFINFOMSG.flags, flags, true);
  view.setUint32(IFINFOMSG.change, change, true);
  return body;
}

const nameAttribute = (name: string) => textAttribute(IFLA_IFNAME, name);
