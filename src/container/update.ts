import type { Resources } from "../../runtime-spec/config-linux.ts";
import { updateResources } from "../linux/cgroups/update.ts";
import { cgroupDriver } from "./cgroup/cgroup.ts";
import type { Store } from "./state/store.ts";
import { requireStatus } from "./state/verbs.ts";

/** New lines of the schemata of a container's group in resctrl. */
export interface Schemas {
  readonly l3CacheSchema: string | undefined;
  readonly memBwSchema: string | undefined;
}

/**
 * Changes the limits of a running container; what the update does not name stays as it is.
 * @throws UserError for limits that this host cannot set; then nothing was changed
 */
export async function update(store: Store, id: string, wanted: Resources, schemas: Schemas): Promise<void> {
  using directory = store.open(id);
  await directory.lock();
  const { saved } = requireStatus("update", directory);
  const config = directory.config();
  const { changed, saved: resources } = updateResources(config.linux?.resources ?? {}, wanted);
  const { l3CacheSchema, memBwSchema } = schemas;
  const resctrl =
    l3CacheSchema === undefined && memBwSchema === undefined ? null : await import("../linux/resctrl.ts");
  const root = resctrl?.resctrlMount();
  const driver = await cgroupDriver(store.caller, saved.cgroup.unit !== undefined);
  await driver.change(saved.cgroup, changed);
  let { intelRdt } = config.linux ?? {};
  if (resctrl !== null) {
    const changed = resctrl.changeSchemata(id, saved.init.pid, intelRdt, schemas, root);
    intelRdt = changed.intelRdt;
    if (changed.groups !== null) directory.write({ ...saved, resctrl: changed.groups });
  }
  // The next update starts from these limits.
  directory.writeConfig({
    ...config,
    linux: { ...config.linux, resources, ...(intelRdt === undefined ? {} : { intelRdt }) },
  });
}
