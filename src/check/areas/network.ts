import { SyscallError } from "../../kernel/call.ts";
import { bind, CWD, ioctl, openat, sendto, setns, socket, unshare } from "../../kernel/calls.ts";
import {
  AF_INET,
  AF_NETLINK,
  CLONE_NEWNET,
  IFF_RUNNING,
  IFF_UP,
  O_RDONLY,
  SIOCSIFFLAGS,
  SOCK_DGRAM,
  SOCK_RAW,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import {
  deviceIndex,
  loopbackAddress,
  MSG_DONTWAIT,
  receiveDatagram,
  sendDatagram,
} from "../../kernel/inet.ts";
import { makeLink, moveLink } from "../../kernel/interfaces.ts";
import { ACKNOWLEDGEMENT_SIZE, acknowledgedErrno } from "../../kernel/netlink.ts";
import { ifreqFlags } from "../../kernel/structs.ts";
import type { Area } from "../feature.ts";
import type { Subject } from "../subject.ts";
import { Missing, Skipped } from "../verdict.ts";

const PORT = 7;
const DEVICE = "tsrun0";
/** Kinds of devices that can be made out of nothing; a kernel has one of them as a rule. */
const KINDS = ["dummy", "veth", "bridge"] as const;

/** Asks rtnetlink(7) for something; returns the errno of its answer, 0 when it is done. */
function request(subject: Subject, text: Uint8Array): number {
  const netlink = subject.do(socket(AF_NETLINK, SOCK_RAW));
  subject.do(sendto(netlink, text, 0));
  return acknowledgedErrno(subject.ask(receiveDatagram(netlink, { room: ACKNOWLEDGEMENT_SIZE }, 0)));
}

/** Makes a device that goes with its namespace. */
function makeDevice(subject: Subject): void {
  for (const kind of KINDS) if (request(subject, makeLink(DEVICE, kind)) === 0) return;
  throw new Skipped(`this kernel makes no device to try it with: ${KINDS.join(", ")}`);
}

export const network: Area = {
  name: "network",
  features: [
    {
      name: "loopback",
      title: "loopback device of a container's own",
      config: ["linux.namespaces[type=network]"],
      probe({ subject }) {
        subject.do(unshare(CLONE_NEWNET));
        const fd = subject.do(socket(AF_INET, SOCK_DGRAM));
        subject.do(ioctl(fd, SIOCSIFFLAGS, ifreqFlags("lo", IFF_UP | IFF_RUNNING)));
        const self = loopbackAddress(PORT);
        subject.do(bind(fd, self));
        subject.do(sendDatagram(fd, Uint8Array.of(1), self));
        subject.do(receiveDatagram(fd, { room: 8 }, MSG_DONTWAIT));
      },
    },
    {
      name: "net-devices",
      title: "network devices moved into a container",
      config: ["linux.netDevices"],
      probe({ subject }) {
        subject.do(unshare(CLONE_NEWNET));
        const home = subject.do(openat(CWD, "/proc/thread-self/ns/net", O_RDONLY));
        subject.do(unshare(CLONE_NEWNET));
        makeDevice(subject);
        const errno = request(subject, moveLink(0, home, DEVICE));
        if (errno !== 0) throw new SyscallError({ name: "sendto", args: [DEVICE] }, errno);
        subject.do(setns(home, CLONE_NEWNET));
        const found = subject.attempt(deviceIndex(subject.do(socket(AF_INET, SOCK_DGRAM)), DEVICE));
        if (found === -ERRNO.ENODEV) throw new Missing("rtnetlink: the device is not where it was moved to");
      },
    },
  ],
};
