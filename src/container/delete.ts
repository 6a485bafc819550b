import { close, pidfdOpen, ppoll } from "../kernel/calls.ts";
import { POLLIN, SIGKILL } from "../kernel/constants.ts";
import { attempt, here } from "../kernel/here.ts";
import { pollFd } from "../kernel/structs.ts";
import { killAll } from "../linux/cgroups/kill.ts";
import { cgroupDriver } from "./cgroup.ts";
import { Failure } from "./failure.ts";
import { signalInit } from "./kill.ts";
import { isAlive } from "./process-info.ts";
import { containerStatus } from "./status.ts";
import type { SavedInit, StateDirectory, Store } from "./store.ts";

/** How long a killed init may take to die, in milliseconds: one in uninterruptible sleep can't be hurried. */
const DEATH_PATIENCE = 10_000;

/**
 * Removes a container: what still runs of it, its cgroup, its state. A running one only with `force`; a created
 * one always, as runc has it. With `force`, a container that does not exist is fine.
 * @throws Failure
 */
export async function remove(
  store: Store,
  id: string,
  force: boolean,
  warn: (line: string) => void,
): Promise<void> {
  using directory = force ? store.find(id) : store.open(id);
  if (directory === null) return;
  const before = directory.read();
  const status = containerStatus(directory, before);
  if (!force && status !== "stopped" && status !== "created")
    throw new Failure(`cannot delete container ${id}: it is ${status}; stop it first, or use --force`);
  directory.lock();
  await destroy(directory, warn);
}

/**
 * Ends what runs and removes everything, whatever state the container is in, and then runs its poststop hooks. The
 * caller holds the lock.
 */
export async function destroy(directory: StateDirectory, warn: (line: string) => void): Promise<void> {
  const saved = directory.read();
  if (saved?.init) endInit(saved.init);
  if (saved?.cgroup) {
    killAll(saved.cgroup.path);
    (await cgroupDriver(saved.cgroup.unit !== undefined)).remove(saved.cgroup);
  }
  if (saved?.resctrl) (await import("../linux/resctrl.ts")).leaveResctrl(saved.resctrl);
  directory.remove();
  if (!saved?.hooks?.poststop?.length) return;
  const { runPoststopHooks } = await import("./hooks.ts");
  await runPoststopHooks(saved, warn);
}

function endInit(init: SavedInit): void {
  if (!isAlive(init.pid, init.startTime)) return;
  const pidfd = attempt(pidfdOpen(init.pid));
  if (pidfd < 0) return;
  const killed = signalInit(init, SIGKILL);
  const ended = !killed || here(ppoll(pollFd(pidfd, POLLIN), DEATH_PATIENCE)) > 0;
  here(close(pidfd));
  if (!ended)
    throw new Failure(
      `the container's init (pid ${init.pid}) does not die: it may wait for a device or a network file system`,
    );
}
