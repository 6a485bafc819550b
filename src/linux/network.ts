import type { Program } from "../agent/program.ts";
import { close, ioctl, socket } from "../kernel/calls.ts";
import { AF_INET, IFF_RUNNING, IFF_UP, SIOCSIFFLAGS, SOCK_DGRAM } from "../kernel/constants.ts";
import { ifreqFlags } from "../kernel/structs.ts";

/** Brings the loopback interface of a new network namespace up; the kernel adds 127.0.0.1 and ::1 (netdevice(7)). */
export function bringLoopbackUp(program: Program): void {
  program.by("loopback interface");
  const fd = program.add(socket(AF_INET, SOCK_DGRAM));
  program.add(ioctl(fd, SIOCSIFFLAGS, ifreqFlags("lo", IFF_UP | IFF_RUNNING)));
  program.add(close(fd));
}
