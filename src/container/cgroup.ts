import type { Config } from "../../runtime-spec/config.ts";
import type { Resources } from "../../runtime-spec/config-linux.ts";
import { SyscallError } from "../kernel/call.ts";
import { close } from "../kernel/calls.ts";
import { ERRNO } from "../kernel/errno.ts";
import { isErrno } from "../kernel/files.ts";
import { here } from "../kernel/here.ts";
import { applyWrites, planFor, type ResourcePlan } from "../linux/cgroups/apply.ts";
import { createCgroup } from "../linux/cgroups/create.ts";
import { delegateCgroup, wantsDelegation } from "../linux/cgroups/delegate.ts";
import { compileDeviceRules } from "../linux/cgroups/device-program.ts";
import { allowsEverything, containerDeviceRules } from "../linux/cgroups/device-rules.ts";
import { attachDevices } from "../linux/cgroups/devices.ts";
import { unifiedMount } from "../linux/cgroups/hierarchy.ts";
import { ordinaryDeviceProgram } from "../linux/cgroups/ordinary-devices.ts";
import { cgroupDirectory } from "../linux/cgroups/path.ts";
import { removeCgroup } from "../linux/cgroups/remove.ts";
import { resourceNotes, resourceWrites } from "../linux/cgroups/resources.ts";
import { fail } from "../linux/config-error.ts";
import type { SavedCgroup } from "./store.ts";

/** A container's cgroup while it is being made. */
export interface NewCgroup {
  /** Null for a container without one. */
  readonly saved: SavedCgroup | null;
  readonly fd: number | null;
  /** What of the resources is left out, and why: for --debug. */
  readonly notes: readonly string[];
  /** Applies resource limits and the device program. @throws ConfigError, SyscallError */
  restrict(): void;
  close(): void;
}

/** Where a container's cgroup will be. @throws ConfigError */
export function placeCgroup(id: string, config: Config): SavedCgroup {
  const mount = unifiedMount();
  return { mount, path: cgroupDirectory(mount, config.linux?.cgroupsPath, id) };
}

/** Makes a container's cgroup with the controllers that its limits need. @throws ConfigError, SyscallError */
export function makeCgroup({ mount, path }: SavedCgroup, config: Config): NewCgroup {
  const resources = config.linux?.resources ?? {};
  const plan = planFor(mount, resourceWrites(resources));
  const fd = createCgroup(mount, path, plan.required);
  return {
    saved: { mount, path },
    fd,
    notes: [...plan.notes, ...resourceNotes(resources)].map(({ where, message }) => `${where}: ${message}`),
    restrict: () => restrict(path, fd, plan, resources, config),
    close: () => void here(close(fd)),
  };
}

/**
 * The same for an ordinary user, who may have a cgroup where one was delegated (cgroups(7)): without permission for
 * one, a container that asks for no limit and no path goes without. @throws ConfigError, SyscallError
 */
export function makePermittedCgroup(saved: SavedCgroup, config: Config): NewCgroup {
  try {
    return withoutDeviceProgram(makeCgroup(saved, config));
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
    return { saved: null, fd: null, notes, restrict: () => {}, close: () => {} };
  }
}

/** Only root may load a device program; in a user namespace nobody makes device nodes anyway. */
function withoutDeviceProgram(cgroup: NewCgroup): NewCgroup {
  return {
    ...cgroup,
    restrict() {
      try {
        cgroup.restrict();
      } catch (error) {
        if (!(error instanceof SyscallError && error.call.name === "bpf")) throw error;
      }
    },
  };
}

function restrict(path: string, fd: number, plan: ResourcePlan, resources: Resources, config: Config): void {
  if (wantsDelegation(config)) delegateCgroup(path, hostRoot(config));
  applyWrites(path, plan.writes);
  const program = deviceProgram(resources, config);
  if (program !== null) attachDevices(fd, program);
}

/** Null when every device is open. */
function deviceProgram({ devices }: Resources, { linux }: Config): Uint8Array | null {
  const ordinary = ordinaryDeviceProgram(devices, linux?.devices);
  if (ordinary !== null) return ordinary;
  const rules = containerDeviceRules(devices, linux?.devices);
  return allowsEverything(rules) ? null : compileDeviceRules(rules);
}

/** The host's uid of the container's root. */
function hostRoot({ linux = {} }: Config): number {
  return linux.uidMappings?.find(({ containerID }) => containerID === 0)?.hostID ?? 0;
}

/** Removes a container's cgroup and all below it. @throws CgroupBusyError */
export function deleteCgroup({ mount, path }: SavedCgroup): void {
  removeCgroup(mount, path);
}
