import { UserError } from "../kernel/user-error.ts";
import { freeze, thaw } from "../linux/cgroups/freeze.ts";
import type { Store } from "./state/store.ts";
import { requireStatus } from "./state/verbs.ts";

/** How long the processes may take to stop, in milliseconds. */
const PATIENCE = 10_000;

/** Freezes all processes of a container (cgroup.freeze). @throws UserError when it is not running */
export async function pause(store: Store, id: string): Promise<void> {
  using directory = store.open(id);
  await directory.lock();
  const { path } = requireStatus("pause", directory).saved.cgroup;
  if (!(await freeze(path, PATIENCE)))
    throw new UserError(`the processes in ${path} did not all stop within ${PATIENCE / 1000} seconds`);
}

/** Lets a paused container go on. @throws UserError when it is not paused */
export async function resume(store: Store, id: string): Promise<void> {
  using directory = store.open(id);
  await directory.lock();
  const { path } = requireStatus("resume", directory).saved.cgroup;
  thaw(path);
}
