/** IPv4 datagrams and network devices by name (ip(7), netdevice(7)), with the names of netinet/in.h and linux/sockios.h. */
import type { Call, Fd, Room } from "./call.ts";
import { ioctl } from "./calls.ts";
import { AF_INET } from "./constants.ts";
import { ifreqFlags } from "./structs.ts";

const SIOCGIFINDEX = 0x8933;
const SOCKADDR_IN_SIZE = 16;

/** `struct sockaddr_in` of 127.0.0.1. */
export function loopbackAddress(port: number): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(SOCKADDR_IN_SIZE));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set([127, 0, 0, 1], 4);
  return bytes;
}

export const sendDatagram = (fd: Fd, bytes: Uint8Array, address: Uint8Array): Call => ({
  name: "sendto",
  args: [fd, bytes, bytes.byteLength, 0, address, address.byteLength],
});
export const receiveDatagram = (fd: Fd, into: Room, flags: number): Call => ({
  name: "recvfrom",
  args: [fd, into, into.room, flags, 0, 0],
});
export const MSG_DONTWAIT = 0x40;

/** ENODEV: the network namespace has no device of this name. */
export const deviceIndex = (fd: Fd, name: string): Call => ioctl(fd, SIOCGIFINDEX, ifreqFlags(name, 0));
