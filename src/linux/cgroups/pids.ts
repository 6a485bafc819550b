import { CWD } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, readText } from "../../kernel/files.ts";
import { visitBelow } from "./subtree.ts";

/** The processes in a cgroup and all below it, ascending; none when it does not exist. @throws SyscallError */
export function pidsIn(directory: string): number[] {
  const pids = processes(CWD, directory);
  visitBelow(directory, (parent, name) => pids.push(...processes(parent, name)));
  return pids.sort((one, other) => one - other);
}

/**
 * A threaded cgroup refuses to list its processes (EOPNOTSUPP): the domain above it does. Processes that this
 * pid namespace does not see read as 0.
 */
function processes(parent: number, name: string): number[] {
  try {
    return readText(`${name}/cgroup.procs`, parent).split("\n").map(Number).filter(Boolean);
  } catch (error) {
    if (isErrno(error, ERRNO.ENOENT, ERRNO.ENODEV, ERRNO.EOPNOTSUPP)) return [];
    throw error;
  }
}
