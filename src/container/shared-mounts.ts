import type { Config } from "../../runtime-spec/config.ts";
import { fail } from "../linux/config-error.ts";

/** What needs mounts of the container's own, by path. */
const NEEDS_MOUNTS: readonly (readonly [path: string, given: (config: Config) => boolean])[] = [
  ["mounts", ({ mounts = [] }) => mounts.length > 0],
  ["root.readonly", ({ root }) => root?.readonly === true],
  ["linux.devices", ({ linux }) => (linux?.devices ?? []).length > 0],
  ["linux.maskedPaths", ({ linux }) => (linux?.maskedPaths ?? []).length > 0],
  ["linux.readonlyPaths", ({ linux }) => (linux?.readonlyPaths ?? []).length > 0],
  ["linux.rootfsPropagation", ({ linux }) => linux?.rootfsPropagation !== undefined],
  ["linux.sysctl", ({ linux }) => Object.keys(linux?.sysctl ?? {}).length > 0],
  // Its path is the host's (config.md): in another container's mounts that one would choose what runs there as root.
  ["hooks.createContainer", ({ hooks, linux }) => (hooks?.createContainer ?? []).length > 0 && joins(linux)],
];

function joins(linux: Config["linux"]): boolean {
  return (linux?.namespaces ?? []).some(({ type, path }) => type === "mount" && path !== undefined);
}

/**
 * Refuses what would change a mount namespace that is not the container's alone: others would see its mounts, and
 * they would stay when it is gone. @throws ConfigError
 */
export function refuseInSharedMounts(config: Config): void {
  for (const [path, given] of NEEDS_MOUNTS)
    if (given(config))
      fail(
        path,
        'needs a mount namespace of the container\'s own: add { "type": "mount" } to linux.namespaces',
      );
}
