import type { Program } from "../agent/program.ts";
import { SyscallError } from "../kernel/call.ts";
import { CWD, close, dup3, openat2, statx } from "../kernel/calls.ts";
import { AT_EMPTY_PATH, O_RDWR, S_IFCHR, S_IFMT } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { attempt } from "../kernel/here.ts";
import { readStatx, STATX_SIZE } from "../kernel/structs.ts";
import { INSIDE } from "./inside.ts";

const STREAMS = [0, 1, 2] as const;

/** Device numbers of /dev/null (null(4)). */
const NULL = [1, 3] as const;

/**
 * Gives a process the null device of its own /dev for each standard stream that is the host's: no file of the host
 * stays open, and criu(8) can save the process. Expects to be in the container's root.
 */
export function reopenNull(program: Program): void {
  const hosts = STREAMS.filter(isNull);
  if (hosts.length === 0) return;
  program.by("standard streams");
  program.whenOk(openat2(CWD, "/dev/null", O_RDWR, INSIDE), "all", (own) => {
    for (const stream of hosts) program.add(dup3(own, stream, 0));
    program.add(close(own));
  });
}

function isNull(fd: number): boolean {
  const bytes = new Uint8Array(STATX_SIZE);
  const call = statx(fd, "", AT_EMPTY_PATH, bytes);
  const result = attempt(call);
  if (result === -ERRNO.EBADF) return false; // the caller has closed it
  if (result < 0) throw new SyscallError(call, -result);
  const { mode, deviceType } = readStatx(bytes);
  return (mode & S_IFMT) === S_IFCHR && deviceType[0] === NULL[0] && deviceType[1] === NULL[1];
}
