import { writeFile } from "../kernel/files.ts";
import type { Bundle } from "./bundle.ts";
import type { CgroupDriver, NewCgroup } from "./cgroup/driver.ts";
import type { Saved } from "./state/saved.ts";
import { CONFIG_FILE, type StateDirectory } from "./state/state-directory.ts";
import { inState } from "./state/state-failure.ts";
import type { Store } from "./state/store.ts";
import type { Undo } from "./state/undo.ts";

/** A container's state directory, what is saved of it, and its cgroup. */
export interface Located {
  readonly directory: StateDirectory;
  readonly saved: Saved;
  readonly cgroup: NewCgroup;
}

/** What is known of a container before anything of it is made. */
export interface Locating {
  readonly bundle: Bundle;
  readonly driver: CgroupDriver;
  readonly first: Saved;
  /** Writes the first state, which names the cgroup; returns the state with what it has added. */
  readonly record?: (saved: Saved, directory: StateDirectory) => Saved;
}

interface Named {
  readonly id: string;
  /** Called once the container has its state directory, before anything else is made. */
  readonly prepare: ((directory: StateDirectory) => void) | undefined;
}

/**
 * The first phase of `create` and `restore`: makes the state directory, and then the cgroup: the state is written
 * before anything that it describes is made.
 */
export async function locate(
  store: Store,
  { bundle, driver, first, record = write }: Locating,
  { id, prepare }: Named,
  undo: Undo,
): Promise<Located> {
  const directory = await store.create(id);
  undo.add(() => directory[Symbol.dispose]());
  undo.addRecord(() => directory.remove());
  prepare?.(directory);
  const placed = await driver.locate(id, bundle.config);
  const saved = record({ ...first, cgroup: placed }, directory);
  inState(directory.path, () => writeFile(CONFIG_FILE, bundle.text, 0o600, directory.fd));
  const cgroup = await driver.create(placed, bundle.config);
  undo.always(() => cgroup.close());
  undo.add(() => cgroup.remove());
  return { directory, saved: cgroup.saved === null ? { ...saved, cgroup: null } : saved, cgroup };
}

function write(saved: Saved, directory: StateDirectory): Saved {
  directory.write(saved);
  return saved;
}
