import { close } from "../kernel/calls.ts";
import { SIGKILL } from "../kernel/constants.ts";
import { here } from "../kernel/here.ts";
import { UserError } from "../kernel/user-error.ts";
import { readable } from "../kernel/wait.ts";
import { killAll } from "../linux/cgroups/kill.ts";
import { pidsIn } from "../linux/cgroups/pids.ts";
import { cgroupDriver } from "./cgroup/cgroup.ts";
import { signalInit } from "./kill.ts";
import { isAlive, openProcess } from "./state/process-info.ts";
import type { SavedInit } from "./state/saved.ts";
import { DamagedState, type StateDirectory } from "./state/state-directory.ts";
import type { Store } from "./state/store.ts";
import { requireStatus } from "./state/verbs.ts";

/** How long a killed init may take to die, in milliseconds: one in uninterruptible sleep can't be hurried. */
export const DEATH_PATIENCE = 10_000;

/**
 * Removes a container: its processes, its cgroup, its state. A running container needs `force`; a created one does
 * not, as in runc. With `force`, a container that does not exist is no error.
 * @throws UserError
 */
export async function remove(
  store: Store,
  id: string,
  force: boolean,
  warn: (line: string) => void,
): Promise<void> {
  using directory = force ? store.find(id) : store.open(id);
  if (directory === null) return;
  if (force && isDamaged(directory)) {
    if (await directory.lockIfCurrent()) directory.remove();
    return;
  }
  if (force) await endAtOnce(directory);
  else requireStatus("delete", directory);
  if (!(await directory.lockIfCurrent())) return;
  // It may have been started since. Without an init, its status would only reflect the lock that we hold.
  if (!force && directory.read()?.init) requireStatus("delete", directory);
  await destroy(directory, warn);
}

function isDamaged(directory: StateDirectory): boolean {
  try {
    directory.read();
    return false;
  } catch (error) {
    if (error instanceof DamagedState) return true;
    throw error;
  }
}

/** Removes a container whose end this command has waited for, unless another command has removed it already. */
export async function removeEnded(directory: StateDirectory, warn: (line: string) => void): Promise<void> {
  if (await directory.lockIfCurrent()) await destroy(directory, warn);
}

/** Kills a container that may still run, and removes it, unless another command has removed it already. */
export async function endAndRemove(directory: StateDirectory, warn: (line: string) => void): Promise<void> {
  await endAtOnce(directory);
  await removeEnded(directory, warn);
}

/** Kill before waiting for the lock: its holder may be stuck in a hook from the image. */
async function endAtOnce(directory: StateDirectory): Promise<void> {
  const saved = directory.read();
  if (!saved?.init || !signalInit(saved.init, SIGKILL)) return;
  if (!saved.init.ownsPidNamespace && saved.cgroup) await killAll(saved.cgroup.path);
}

/**
 * Kills the container's processes and removes everything, whatever its state; then runs its poststop hooks. The caller
 * holds the lock.
 */
export async function destroy(directory: StateDirectory, warn: (line: string) => void): Promise<void> {
  const saved = directory.read();
  const { init, cgroup } = saved ?? {};
  const lives = init && isAlive(init.pid, init.startTime);
  if (lives) await endInit(init);
  // Nothing outlives a pid namespace: processes that are left belong to a later container with this cgroupsPath.
  const hadEnded = init?.ownsPidNamespace && !lives;
  if (cgroup && hadEnded && pidsIn(cgroup.path).length > 0) {
    warn(`the cgroup ${cgroup.path} stays: it has processes that are not of container ${directory.id}`);
  } else if (cgroup) {
    if (!hadEnded) await killAll(cgroup.path);
    await (await cgroupDriver(directory.caller, cgroup.unit !== undefined)).remove(cgroup);
  }
  if (saved?.sharedRoots !== undefined)
    (await import("./init/shared-mounts.ts")).uncoverRootfs(saved, directory);
  if (saved?.resctrl) (await import("../linux/resctrl.ts")).leaveResctrl(saved.resctrl);
  directory.remove();
  if (!saved?.hooks?.poststop?.length) return;
  const { runPoststopHooks } = await import("./hooks/hooks.ts");
  await runPoststopHooks(directory.caller, saved, warn);
}

async function endInit(init: SavedInit): Promise<void> {
  const pidfd = openProcess(init.pid);
  if (pidfd === null) return;
  try {
    if (!signalInit(init, SIGKILL) || (await readable(pidfd, DEATH_PATIENCE))) return;
  } finally {
    here(close(pidfd));
  }
  throw new UserError(
    `the container's init (pid ${init.pid}) does not die: it may wait for a device or a network file system`,
  );
}
