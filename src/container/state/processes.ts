import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, readLink } from "../../kernel/files.ts";
import { listDirectory } from "../../kernel/list-directory.ts";
import { pidsIn } from "../../linux/cgroups/pids.ts";
import { isAlive } from "./process-info.ts";
import type { Saved, SavedInit } from "./saved.ts";

/** The pids of a container's processes, ascending; without a cgroup, those in the pid namespace of its init. */
export function processesOf({ cgroup, init }: Saved): readonly number[] {
  if (cgroup !== null) return pidsIn(cgroup.path);
  return init === null || !isAlive(init.pid, init.startTime) ? [] : neighbours(init);
}

function neighbours({ pid, ownsPidNamespace }: SavedInit): readonly number[] {
  if (!ownsPidNamespace) return [pid];
  const namespace = namespaceOf(pid);
  if (namespace === null) return [];
  return (listDirectory("/proc") ?? [])
    .map(({ name }) => Number(name))
    .filter((other) => other > 0 && namespaceOf(other) === namespace)
    .sort((one, other) => one - other);
}

/** The pid namespace of a process; null when it has just ended, or is another user's. */
function namespaceOf(pid: number): string | null {
  try {
    return readLink(`/proc/${pid}/ns/pid`);
  } catch (error) {
    if (isErrno(error, ERRNO.ENOENT, ERRNO.ESRCH, ERRNO.EACCES, ERRNO.EPERM)) return null;
    throw error;
  }
}
