/** `mounts list`: the mounts of a container as its state has them, and what of them is really there. */
import type { Mount, Process } from "../../../runtime-spec/config.ts";
import type { MountEntry } from "../../linux/mounts/mount-table.ts";
import type { Store } from "../state/store.ts";
import { requireStatus } from "../state/verbs.ts";
import { wantedMounts } from "../verify/areas/mounts.ts";
import { Subject } from "../verify/subject.ts";

export interface ListedMount {
  readonly mount: Mount;
  /** Whether config.json asked for it, or `mounts add`. */
  readonly from: "config" | "added";
  /** `covered`: by a later mount, or no mount of its own, as a remount. */
  readonly state: "mounted" | "covered" | "gone";
  /** As the kernel has it; null unless it is mounted. */
  readonly found: MountEntry | null;
}

const NO_PROCESS: Process = { args: [], cwd: "/" };

/** @throws UserError when the container doesn't run, or can't be looked into */
export function listMounts(store: Store, id: string): readonly ListedMount[] {
  using directory = store.open(id);
  const { saved } = requireStatus("mounts", directory);
  const { init, bundle, rootfs, addedMounts: added = 0 } = saved;
  const config = directory.config();
  const { mounts = [], process = NO_PROCESS } = config;
  using subject = new Subject(store.caller, {
    name: `container ${id}`,
    pid: init.pid,
    bundle: { path: bundle, rootfs, config, process, text: "", doubts: [] },
    mayWait: true,
    own: { saved, startTime: init.startTime, resources: {} },
  });
  const wanted = wantedMounts(subject);
  return mounts.map((mount, index): ListedMount => {
    const from = index < mounts.length - added ? "config" : "added";
    const seen = wanted.find((one) => one.index === index);
    if (seen === undefined) return { mount, from, state: "covered", found: null };
    const found = seen.place?.status.isMountRoot ? seen.place.mount : null;
    return { mount, from, state: found === null ? "gone" : "mounted", found };
  });
}
