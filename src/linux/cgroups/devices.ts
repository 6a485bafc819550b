/** The device program of a container's cgroup: loaded, attached, replaced. */

import {
  attachDeviceProgram,
  detachDeviceProgram,
  loadDeviceProgram,
  programById,
  programInfo,
  programName,
  queriedPrograms,
  queryDevicePrograms,
} from "../../kernel/bpf.ts";
import { SyscallError } from "../../kernel/call.ts";
import { close } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { attempt, here } from "../../kernel/here.ts";

/** By this name `bpftool prog` shows the program, and an update knows it from one of systemd's. */
const NAME = "tsrun_devices";

/**
 * Attaches a compiled program to a new cgroup. The kernel keeps it as long as the cgroup; programs of the cgroups
 * above hold too. Needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, of the host. @throws SyscallError
 */
export function attachDevices(cgroup: number, program: Uint8Array): void {
  const fd = load(program);
  try {
    here(attachDeviceProgram(cgroup, fd));
  } finally {
    here(close(fd));
  }
}

/**
 * Attaches a program in place of ours that is there, at once: no request meets none, or both. Others' programs
 * stay. @throws SyscallError
 */
export function replaceDevices(cgroup: number, program: Uint8Array): void {
  const fd = load(program);
  const old = ourPrograms(cgroup);
  try {
    here(attachDeviceProgram(cgroup, fd, old[0]));
    for (const extra of old.slice(1)) here(detachDeviceProgram(cgroup, extra));
  } finally {
    for (const open of [fd, ...old]) here(close(open));
  }
}

/** A signal may interrupt the verifier. */
function load(program: Uint8Array): number {
  const call = loadDeviceProgram(program, NAME);
  for (let left = 30; ; left--) {
    const fd = attempt(call);
    if (fd >= 0) return fd;
    if (left === 0 || fd !== -ERRNO.EAGAIN) throw new SyscallError(call, -fd);
  }
}

/** Descriptors of the programs attached to the cgroup that an earlier tsrun attached. */
function ourPrograms(cgroup: number): readonly number[] {
  const query = queryDevicePrograms(cgroup);
  here(query);
  return queriedPrograms(query.memory)
    .map(openProgram)
    .filter((fd) => fd !== null)
    .filter((fd) => {
      const info = programInfo(fd);
      here(info);
      if (programName(info.memory) === NAME) return true;
      here(close(fd));
      return false;
    });
}

/** Null when it has been detached meanwhile, or a security module hides it, as that of systemd on some hosts. */
function openProgram(id: number): number | null {
  const fd = attempt(programById(id));
  if (fd >= 0) return fd;
  if (fd === -ERRNO.ENOENT || fd === -ERRNO.EPERM || fd === -ERRNO.EACCES) return null;
  throw new SyscallError(programById(id), -fd);
}
