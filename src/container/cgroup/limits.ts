/** What every cgroup gets, made by tsrun or by systemd: owner, resource limits, device program. */
import type { Config } from "../../../runtime-spec/config.ts";
import { SyscallError } from "../../kernel/call.ts";
import { onBehalfOf } from "../../kernel/here.ts";
import { applyWrites, type ResourcePlan } from "../../linux/cgroups/apply.ts";
import { delegateCgroup, wantsDelegation } from "../../linux/cgroups/delegate.ts";
import { compileDeviceRules } from "../../linux/cgroups/device-program.ts";
import { allowsEverything, containerDeviceRules } from "../../linux/cgroups/device-rules.ts";
import { attachDevices } from "../../linux/cgroups/devices.ts";
import { ordinaryDeviceProgram } from "../../linux/cgroups/ordinary-devices.ts";

/** Which resources are left out, and why. */
export function notesOf({ notes }: ResourcePlan): readonly string[] {
  return notes.map(({ where, message }) => `${where}: ${message}`);
}

/** Only root may load a device program; in a user namespace nobody makes device nodes anyway. */
export function withoutDeviceProgram(applyLimits: () => void): void {
  try {
    applyLimits();
  } catch (error) {
    if (!(error instanceof SyscallError && error.call.name === "bpf")) throw error;
  }
}

/** Sets a cgroup's owner, limits and device program. @throws UserError */
export function applyLimits(path: string, fd: number, plan: ResourcePlan, config: Config): void {
  if (wantsDelegation(config))
    onBehalfOf("config.json: linux.namespaces (cgroup)", () => delegateCgroup(path, hostRoot(config)));
  applyWrites(path, plan.writes);
  const program = deviceProgram(config);
  if (program !== null) onBehalfOf("config.json: linux.resources.devices", () => attachDevices(fd, program));
}

/** Null if every device is allowed. */
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
