/** The device program of a container's cgroup: loaded and attached. */

import { attachDeviceProgram, loadDeviceProgram } from "../../kernel/bpf.ts";
import { SyscallError } from "../../kernel/call.ts";
import { close } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { actsFor, attempt, here } from "../../kernel/here.ts";

/** The program's name in `bpftool prog`. */
const NAME = "tsrun_devices";

/**
 * Attaches a compiled program to a new cgroup. The kernel keeps it as long as the cgroup; programs of cgroups above
 * apply too. Needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, on the host. @throws SyscallError
 */
export function attachDevices(cgroup: number, program: Uint8Array): void {
  const fd = load(program);
  try {
    here(attachDeviceProgram(cgroup, fd));
  } finally {
    here(close(fd));
  }
}

/** A signal may interrupt the verifier. */
function load(program: Uint8Array): number {
  const call = loadDeviceProgram(program, NAME);
  for (let left = 30; ; left--) {
    const fd = attempt(call);
    if (fd >= 0) return fd;
    if (left === 0 || fd !== -ERRNO.EAGAIN) throw new SyscallError(call, -fd, actsFor());
  }
}
