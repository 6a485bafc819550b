/** Properties of config.json that criu(8) does not restore. */
import type { Config } from "../../../runtime-spec/config.ts";
import { fail } from "../../kernel/user-error.ts";
import { LANDLOCK_ANNOTATION } from "../../linux/landlock/confinement.ts";
import { isIdMapped } from "../../linux/mounts/mount-options.ts";

const LOST: readonly (readonly [path: string, given: (config: Config) => boolean])[] = [
  ["process.ioPriority", ({ process }) => process?.ioPriority !== undefined],
  ["linux.memoryPolicy", ({ linux }) => linux?.memoryPolicy !== undefined],
  ["linux.sysctl", ({ linux }) => Object.keys(linux?.sysctl ?? {}).length > 0],
];

/** One line for each property that a restored container lacks. */
export function losses(config: Config): readonly string[] {
  return LOST.filter(([, given]) => given(config)).map(
    ([path]) => `config.json: ${path}: criu does not save all of it: a restored container may be without`,
  );
}

/** Properties that criu cannot restore and that a container must not lack. */
const UNSAVABLE: readonly (readonly [path: string, given: (config: Config) => boolean])[] = [
  ["linux.intelRdt", ({ linux }) => linux?.intelRdt !== undefined],
  ["linux.netDevices", ({ linux }) => linux?.netDevices !== undefined],
  // A restored process would be confined by nothing.
  [
    `annotations["${LANDLOCK_ANNOTATION}"]`,
    ({ annotations }) => annotations?.[LANDLOCK_ANNOTATION] !== undefined,
  ],
];

/** @throws UserError for the first property that rules out a checkpoint */
export function refuseUnsavable(config: Config): void {
  for (const [path, given] of UNSAVABLE) if (given(config)) fail(path, "criu cannot save what this asks for");
  // Without its mapping, an id-mapped mount would show files with the wrong owners.
  for (const [index, mount] of (config.mounts ?? []).entries())
    if (isIdMapped(mount)) fail(`mounts[${index}]`, "criu cannot save an id-mapped mount");
}
