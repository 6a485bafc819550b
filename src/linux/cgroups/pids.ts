import { CWD } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, readText } from "../../kernel/files.ts";
import { visitBelow } from "./subtree.ts";

/** The processes in a cgroup and all below it, ascending; none when it does not exist. @throws SyscallError */
export function pidsIn(directory: string): number[] {
  const pids = processes(CWD, `${directory}/cgroup.procs`);
  visitBelow(directory, (parent, name) => pids.push(...processes(parent, listIn(name))));
  return pids.sort((one, other) => one - other);
}

const LIST = new TextEncoder().encode("/cgroup.procs\0");

/** The path of a cgroup's list of processes, by the cgroup's name; both are C strings. */
function listIn(name: Uint8Array): Uint8Array {
  const path = new Uint8Array(name.byteLength - 1 + LIST.byteLength);
  path.set(name.subarray(0, -1));
  path.set(LIST, name.byteLength - 1);
  return path;
}

/**
 * A threaded cgroup refuses to list its processes (EOPNOTSUPP): the domain above it does. Processes that this
 * pid namespace does not see read as 0.
 */
function processes(parent: number, list: string | Uint8Array): number[] {
  try {
    return readText(list, parent).split("\n").map(Number).filter(Boolean);
  } catch (error) {
    if (isErrno(error, ERRNO.ENOENT, ERRNO.ENODEV, ERRNO.EOPNOTSUPP)) return [];
    throw error;
  }
}
