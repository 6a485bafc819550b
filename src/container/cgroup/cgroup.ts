import type { Config } from "../../../runtime-spec/config.ts";
import type { Resources } from "../../../runtime-spec/config-linux.ts";
import { SyscallError } from "../../kernel/call.ts";
import { close } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno } from "../../kernel/files.ts";
import { here, onBehalfOf } from "../../kernel/here.ts";
import { applyWrites, planFor, type ResourcePlan } from "../../linux/cgroups/apply.ts";
import { enableControllers } from "../../linux/cgroups/controllers.ts";
import { createCgroup, namingCgroup, refuseUnfit } from "../../linux/cgroups/create.ts";
import { delegateCgroup, wantsDelegation } from "../../linux/cgroups/delegate.ts";
import { compileDeviceRules } from "../../linux/cgroups/device-program.ts";
import { allowsEverything, containerDeviceRules } from "../../linux/cgroups/device-rules.ts";
import { attachDevices } from "../../linux/cgroups/devices.ts";
import { unifiedMount } from "../../linux/cgroups/hierarchy.ts";
import { ordinaryDeviceProgram } from "../../linux/cgroups/ordinary-devices.ts";
import { cgroupDirectory } from "../../linux/cgroups/path.ts";
import { removeCgroup } from "../../linux/cgroups/remove.ts";
import { resourceWrites } from "../../linux/cgroups/resources.ts";
import { fail } from "../../linux/config-error.ts";
import type { SavedCgroup } from "../state/store.ts";

/** How a container gets its cgroup: tsrun makes it (this file), or systemd does (scope.ts). */
export interface CgroupDriver {
  /**
   * Where a container's cgroup will be. A cgroup that is in use is refused here, before the path is saved: were tsrun
   * killed after that, `delete` would take it for the container's. @throws ConfigError
   */
  place(id: string, config: Config): SavedCgroup;
  /** Makes it, with the controllers that the limits need. @throws ConfigError, SyscallError */
  make(saved: SavedCgroup, config: Config): NewCgroup;
  /** Changes its limits, all or none. @throws ConfigError, SyscallError */
  change(saved: SavedCgroup, resources: Resources): Promise<void>;
  /** Removes it and all below it. @throws CgroupBusyError */
  remove(saved: SavedCgroup): void;
}

/** A container's cgroup while it is being made. */
export interface NewCgroup {
  /** Null for a container without one. */
  readonly saved: SavedCgroup | null;
  /** The directory that the init is born in; null if it is born in the cgroup of its parent, the stage. */
  readonly fd: number | null;
  /** Asks for the stage, which waits meanwhile, to be moved into the cgroup; absent if it stays where it is. */
  readonly admit?: (stage: number) => void;
  /** Waits until the stage is there. @throws SystemdError */
  readonly admitted?: () => void;
  /** Which resources are left out, and why: for --debug. */
  readonly notes: readonly string[];
  /** Applies resource limits and the device program. @throws ConfigError, SyscallError */
  restrict(): void;
  /** Takes back what was made. */
  remove(): void;
  close(): void;
}

/** tsrun's own cgroups. */
const own: CgroupDriver = {
  place(id, config) {
    const mount = unifiedMount();
    const path = cgroupDirectory(mount, config.linux?.cgroupsPath, id);
    refuseUnfit(path);
    return { mount, path };
  },
  make: (saved, config) => namingCgroup(saved.path, () => makeCgroup(saved, config)),
  async change({ mount, path }, resources) {
    const { applyAllOrNone } = await import("../../linux/cgroups/restore.ts");
    const plan = planFor(mount, resourceWrites(resources));
    enableControllers(mount, path, plan.required);
    applyAllOrNone(path, plan.writes);
  },
  remove: ({ mount, path }) => removeCgroup(mount, path),
};

/** An ordinary user's cgroups. */
const permitted: CgroupDriver = {
  ...own,
  make: (saved, config) => namingCgroup(saved.path, () => makePermittedCgroup(saved, config)),
};

/** How a container gets its cgroup; systemd's part is loaded only on demand. */
export async function cgroupDriver(systemd: boolean, rootless = false): Promise<CgroupDriver> {
  if (systemd) return (await import("./scope.ts")).scopes;
  return rootless ? permitted : own;
}

function makeCgroup({ mount, path }: SavedCgroup, config: Config): NewCgroup {
  const resources = config.linux?.resources ?? {};
  const plan = planFor(mount, resourceWrites(resources));
  const fd = createCgroup(mount, path, plan.required);
  return {
    saved: { mount, path },
    fd,
    notes: notesOf(plan),
    restrict: () => restrict(path, fd, plan, config),
    remove: () => removeCgroup(mount, path),
    close: () => void here(close(fd)),
  };
}

export function notesOf({ notes }: ResourcePlan): readonly string[] {
  return notes.map(({ where, message }) => `${where}: ${message}`);
}

/**
 * The same for an ordinary user, who may make cgroups only below a delegated one (cgroups(7)). Without permission, a
 * container that asks for neither limits nor a path has no cgroup of its own. @throws ConfigError, SyscallError
 */
function makePermittedCgroup(saved: SavedCgroup, config: Config): NewCgroup {
  try {
    const cgroup = makeCgroup(saved, config);
    return { ...cgroup, restrict: () => withoutDeviceProgram(cgroup.restrict) };
  } catch (error) {
    if (!isErrno(error, ERRNO.EACCES, ERRNO.EPERM, ERRNO.EROFS)) throw error;
    const { resources = {}, cgroupsPath } = config.linux ?? {};
    const delegated = "in a cgroup that was delegated to you (systemd-run --user --scope -p Delegate=yes)";
    if (cgroupsPath)
      fail(
        "linux.cgroupsPath",
        `there is no permission to make the cgroup ${saved.path}: name one ${delegated}`,
      );
    const [limit] = planFor(saved.mount, resourceWrites(resources)).writes;
    if (limit !== undefined)
      fail(
        limit.where,
        `limits need a cgroup, and there is no permission for one: name a cgroupsPath ${delegated}`,
      );
    const notes = ["the container has no cgroup: there is no permission for one"];
    return { saved: null, fd: null, notes, restrict: () => {}, remove: () => {}, close: () => {} };
  }
}

/** Only root may load a device program; in a user namespace nobody makes device nodes anyway. */
export function withoutDeviceProgram(restrict: () => void): void {
  try {
    restrict();
  } catch (error) {
    if (!(error instanceof SyscallError && error.call.name === "bpf")) throw error;
  }
}

/** Sets a cgroup's owner, limits and device program. @throws ConfigError, SyscallError */
export function restrict(path: string, fd: number, plan: ResourcePlan, config: Config): void {
  if (wantsDelegation(config))
    onBehalfOf("config.json: linux.namespaces (cgroup)", () => delegateCgroup(path, hostRoot(config)));
  applyWrites(path, plan.writes);
  const program = deviceProgram(config);
  if (program !== null) onBehalfOf("config.json: linux.resources.devices", () => attachDevices(fd, program));
}

/** Null when every device is open. */
function deviceProgram({ linux }: Config): Uint8Array | null {
  const devices = linux?.resources?.devices;
  const ordinary = ordinaryDeviceProgram(devices, linux?.devices);
  if (ordinary !== null) return ordinary;
  const rules = containerDeviceRules(devices, linux?.devices);
  return allowsEverything(rules) ? null : compileDeviceRules(rules);
}

/** The host's uid of the container's root. */
function hostRoot({ linux = {} }: Config): number {
  return linux.uidMappings?.find(({ containerID }) => containerID === 0)?.hostID ?? 0;
}
