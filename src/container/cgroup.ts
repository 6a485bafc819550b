import type { Config } from "../../runtime-spec/config.ts";
import { close } from "../kernel/calls.ts";
import { here } from "../kernel/here.ts";
import { createCgroup } from "../linux/cgroups/create.ts";
import { unifiedMount } from "../linux/cgroups/hierarchy.ts";
import { cgroupDirectory } from "../linux/cgroups/path.ts";
import { removeCgroup } from "../linux/cgroups/remove.ts";
import type { SavedCgroup } from "./store.ts";

/** A container's cgroup while it is being made. */
export interface NewCgroup extends SavedCgroup {
  readonly fd: number;
  /** Applies resource limits and the device program. @throws ConfigError */
  restrict(): void;
  close(): void;
}

/**
 * Makes a container's cgroup. `save` is told the place before anything is made, so that `delete` finds it
 * even when tsrun is killed meanwhile. @throws ConfigError, SyscallError
 */
export function makeCgroup(id: string, config: Config, save: (place: SavedCgroup) => void): NewCgroup {
  const mount = unifiedMount();
  const path = cgroupDirectory(mount, config.linux?.cgroupsPath, id);
  save({ mount, path });
  const fd = createCgroup(mount, path, new Map());
  return { mount, path, fd, restrict() {}, close: () => void here(close(fd)) };
}

/** Removes a container's cgroup and all below it. @throws CgroupBusyError */
export function deleteCgroup({ mount, path }: SavedCgroup): void {
  removeCgroup(mount, path);
}
