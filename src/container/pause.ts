import { freeze, isFrozen, thaw } from "../linux/cgroups/freeze.ts";
import { Failure } from "./failure.ts";
import { containerStatus } from "./state/status.ts";
import { NO_CGROUP, type StateDirectory, type Store } from "./state/store.ts";

/** Freezes all processes of a container (cgroup.freeze). @throws Failure when it is not running */
export function pause(store: Store, id: string): void {
  using directory = store.open(id);
  directory.lock();
  const path = cgroupOf(directory, "pause");
  if (isFrozen(path))
    throw new Failure(`cannot pause container ${id}: container not running (it is paused already)`);
  freeze(path);
}

/** Lets a paused container go on. @throws Failure when it is not paused */
export function resume(store: Store, id: string): void {
  using directory = store.open(id);
  directory.lock();
  const path = cgroupOf(directory, "resume");
  if (!isFrozen(path)) throw new Failure(`cannot resume container ${id}: container not paused`);
  thaw(path);
}

function cgroupOf(directory: StateDirectory, verb: string): string {
  const saved = directory.read();
  const status = containerStatus(directory, saved);
  if (!saved || status === "stopped" || status === "creating")
    throw new Failure(`cannot ${verb} container ${directory.id}: container not running (it is ${status})`);
  if (saved.cgroup === null) throw new Failure(`cannot ${verb} container ${directory.id}: ${NO_CGROUP}`);
  return saved.cgroup.path;
}
