import type { Resources } from "../../runtime-spec/config-linux.ts";
import { replaceFile } from "../kernel/files.ts";
import { updateResources } from "../linux/cgroups/update.ts";
import { cgroupDriver } from "./cgroup.ts";
import { Failure } from "./failure.ts";
import { containerStatus } from "./status.ts";
import { CONFIG_FILE, NO_CGROUP, type Store } from "./store.ts";

/**
 * Changes the limits of a container that runs; what the update does not name stays.
 * @throws Failure, ConfigError for limits that this host cannot set; then nothing was changed
 */
export async function update(store: Store, id: string, wanted: Resources): Promise<void> {
  using directory = store.open(id);
  directory.lock();
  const saved = directory.read();
  const status = containerStatus(directory, saved);
  if (!saved || status === "stopped" || status === "creating")
    throw new Failure(`cannot update container ${id}: container not running (it is ${status})`);
  if (saved.cgroup === null) throw new Failure(`cannot update container ${id}: ${NO_CGROUP}`);
  const config = directory.config();
  const { changed, saved: resources } = updateResources(config.linux?.resources ?? {}, wanted);
  const driver = await cgroupDriver(saved.cgroup.unit !== undefined);
  await driver.change(saved.cgroup, changed);
  // The next update goes on from these. `exec` may read the file at this moment.
  const next = { ...config, linux: { ...config.linux, resources } };
  replaceFile(CONFIG_FILE, JSON.stringify(next), 0o600, directory.fd);
}
