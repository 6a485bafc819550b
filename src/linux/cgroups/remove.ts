import { SyscallError } from "../../kernel/call.ts";
import { CWD, unlinkat } from "../../kernel/calls.ts";
import { AT_REMOVEDIR } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { statusIfThere } from "../../kernel/files.ts";
import { attempt } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import { until } from "../../kernel/wait.ts";
import { readEvents } from "./events.ts";
import { pidsIn } from "./pids.ts";
import { visitBelow } from "./subtree.ts";

/**
 * The mode bit (sticky, S_ISVTX) that marks a parent cgroup as made for a container, so that it is removed with the
 * last container in it. The bit is set by mkdir(2) itself, so it is never missing, even if tsrun is killed; and it also
 * serves containers that use the parent later. It has no other meaning in cgroupfs. Parents made by others are left
 * alone.
 */
export const OURS = 0o1000;

/**
 * Removes a container's cgroup with all below it, and then the parents that were made for containers and are now empty.
 * Waits at most `patience` milliseconds for killed processes to end. A cgroup that does not exist is no error.
 * @throws UserError
 */
export async function removeCgroup(mount: string, directory: string, patience = 10_000): Promise<void> {
  if (!(await until(() => removedWithBelow(directory), patience))) throw busy(directory);
  removeParents(mount, directory);
}

function removedWithBelow(directory: string): boolean {
  if (removed(CWD, directory)) return true;
  if (readEvents(directory)?.populated) return false;
  visitBelow(directory, removed);
  return removed(CWD, directory);
}

/** The same for a cgroup that was just made, and that nobody uses yet. @throws SyscallError */
export function removeUnused(mount: string, directory: string): void {
  if (removed(CWD, directory)) removeParents(mount, directory);
}

/** Removes marked parents, up to the first that has other children or no mark. @throws SyscallError */
export function removeParents(mount: string, directory: string): void {
  const parent = directory.slice(0, directory.lastIndexOf("/"));
  if (!parent.startsWith(`${mount}/`)) return;
  const status = statusIfThere(parent);
  if (status !== null && (status.mode & OURS) === 0) return;
  if (removed(CWD, parent)) removeParents(mount, parent);
}

/** rmdir(2); false while there are processes or other cgroups in there. */
function removed(parent: number, name: string | Uint8Array): boolean {
  const call = unlinkat(parent, name, AT_REMOVEDIR);
  const result = attempt(call);
  if (result >= 0 || result === -ERRNO.ENOENT) return true;
  if (result === -ERRNO.EBUSY || result === -ERRNO.ENOTEMPTY) return false;
  throw new SyscallError(call, -result);
}

function busy(directory: string): UserError {
  const pids = pidsIn(directory);
  const who = pids.length === 0 ? "other cgroups" : `processes (${pids.slice(0, 10).join(", ")})`;
  return new UserError(`cannot remove the cgroup ${directory}: there are still ${who} in it`);
}
