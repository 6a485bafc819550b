/** What criu(8) would not bring back of what a config.json asks for. */
import type { Config } from "../../../runtime-spec/config.ts";
import { fail } from "../../linux/config-error.ts";
import { isIdMapped } from "../../linux/mounts/mount-options.ts";

const LOST: readonly (readonly [path: string, given: (config: Config) => boolean])[] = [
  ["process.ioPriority", ({ process }) => process?.ioPriority !== undefined],
  ["linux.memoryPolicy", ({ linux }) => linux?.memoryPolicy !== undefined],
  ["linux.sysctl", ({ linux }) => Object.keys(linux?.sysctl ?? {}).length > 0],
];

/** One line for each property that a restored container is without. */
export function losses(config: Config): readonly string[] {
  return LOST.filter(([, given]) => given(config)).map(
    ([path]) => `config.json: ${path}: criu does not save all of it: a restored container may be without`,
  );
}

/** What a restored container must not be without, and can't have. */
const UNSAVABLE: readonly (readonly [path: string, given: (config: Config) => boolean])[] = [
  ["linux.intelRdt", ({ linux }) => linux?.intelRdt !== undefined],
  ["linux.netDevices", ({ linux }) => linux?.netDevices !== undefined],
];

/** @throws ConfigError that names the first property that stands in the way of a checkpoint */
export function refuseUnsavable(config: Config): void {
  for (const [path, given] of UNSAVABLE) if (given(config)) fail(path, "criu cannot save what this asks for");
  // Without its mapping a mount would show files to other users than it should.
  for (const [index, mount] of (config.mounts ?? []).entries())
    if (isIdMapped(mount)) fail(`mounts[${index}]`, "criu cannot save an id-mapped mount");
}
