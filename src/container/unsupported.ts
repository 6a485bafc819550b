import type { Config } from "../../runtime-spec/config.ts";
import { fail } from "../linux/config-error.ts";

/**
 * Properties of runtime-spec that tsrun does not apply yet. They are refused, never ignored: a container without
 * its seccomp filter would be less safe than its author thinks.
 */
const UNSUPPORTED: readonly (readonly [path: string, value: (config: Config) => unknown])[] = [
  ["process.terminal", ({ process }) => process?.terminal],
  ["process.apparmorProfile", ({ process }) => process?.apparmorProfile],
  ["process.selinuxLabel", ({ process }) => process?.selinuxLabel],
  ["process.scheduler", ({ process }) => process?.scheduler],
  ["process.ioPriority", ({ process }) => process?.ioPriority],
  ["process.execCPUAffinity", ({ process }) => process?.execCPUAffinity],
  ["linux.seccomp", ({ linux }) => linux?.seccomp],
  ["linux.mountLabel", ({ linux }) => linux?.mountLabel],
  ["linux.intelRdt", ({ linux }) => linux?.intelRdt],
  ["linux.memoryPolicy", ({ linux }) => linux?.memoryPolicy],
  ["linux.personality", ({ linux }) => linux?.personality],
  ["linux.netDevices", ({ linux }) => linux?.netDevices],
  ["linux.timeOffsets", ({ linux }) => linux?.timeOffsets],
  ["hooks", ({ hooks }) => hooks && Object.values(hooks).flat().length > 0],
];

/** @throws ConfigError that names the first property not applied yet */
export function refuseUnsupported(config: Config): void {
  for (const [path, value] of UNSUPPORTED)
    if (value(config)) fail(path, "is not supported by this version of tsrun");
}
