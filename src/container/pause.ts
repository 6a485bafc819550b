import { UserError } from "../kernel/user-error.ts";
import { freeze, isFrozen, thaw } from "../linux/cgroups/freeze.ts";
import { containerStatus } from "./state/status.ts";
import { NO_CGROUP, type StateDirectory, type Store } from "./state/store.ts";

/** How long the processes may take to stop, in milliseconds. */
const PATIENCE = 10_000;

/** Freezes all processes of a container (cgroup.freeze). @throws UserError when it is not running */
export async function pause(store: Store, id: string): Promise<void> {
  using directory = store.open(id);
  await directory.lock();
  const path = cgroupOf(directory, "pause");
  if (isFrozen(path))
    throw new UserError(`cannot pause container ${id}: container not running (it is paused already)`);
  if (!(await freeze(path, PATIENCE)))
    throw new UserError(`the processes in ${path} did not all stop within ${PATIENCE / 1000} seconds`);
}

/** Lets a paused container go on. @throws UserError when it is not paused */
export async function resume(store: Store, id: string): Promise<void> {
  using directory = store.open(id);
  await directory.lock();
  const path = cgroupOf(directory, "resume");
  if (!isFrozen(path)) throw new UserError(`cannot resume container ${id}: container not paused`);
  thaw(path);
}

function cgroupOf(directory: StateDirectory, verb: string): string {
  const saved = directory.read();
  const status = containerStatus(directory, saved);
  if (!saved || status === "stopped" || status === "creating")
    throw new UserError(`cannot ${verb} container ${directory.id}: container not running (it is ${status})`);
  if (saved.cgroup === null) throw new UserError(`cannot ${verb} container ${directory.id}: ${NO_CGROUP}`);
  return saved.cgroup.path;
}
