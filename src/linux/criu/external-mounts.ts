/**
 * Mounts of a container that show what is the host's: criu(8) can neither save nor make these. It is told their names
 * when it saves the others, and what to mount when it restores them. The names are runc's, so that either runtime
 * restores what the other has saved.
 */
import type { Config } from "../../../runtime-spec/config.ts";
import { containerDevices } from "../devices/devices.ts";
import { isBind } from "../mounts/mount-options.ts";
import type { MountEntry } from "../mounts/mount-table.ts";
import { isAbsolute, join } from "../paths.ts";

/** What hides a masked file, and the name of all of these. */
const NULL = "/dev/null";

/** What the mounts of a container depend on besides its config. */
export interface MountPlace {
  readonly bundle: string;
  /** Where the host has cgroup v2 mounted. */
  readonly cgroups: string;
}

interface External {
  /** Where in the container. */
  readonly place: string;
  /** What of the host is there. */
  readonly source: string;
  readonly recursive: boolean;
}

/** For `criu dump`: the places of a container that the host's are at, as its mount table shows, and their names. */
export function savedMounts(config: Config, where: MountPlace, table: readonly MountEntry[]) {
  const externals = externalsOf(config, where);
  const below = ({ place }: External) =>
    table.filter(({ point }) => point.startsWith(`${place}/`) && !isOwn(config, point));
  const places = externals.flatMap((external) => [
    ...table.filter(({ point }) => point === external.place),
    ...(external.recursive ? below(external) : []),
  ]);
  const masks = maskedPlaces(config).flatMap((place) =>
    // A directory is hidden by a whole file system, which criu makes itself.
    table.filter(({ point, root }) => point === place && root !== "/"),
  );
  return [
    ...places.map(({ point }) => ({ key: point, value: point })),
    ...masks.map(({ point }) => ({ key: point, value: NULL })),
  ];
}

/** For `criu restore`: the names that a container's mounts may have been given, and what to mount there. */
export function restoredMounts(config: Config, where: MountPlace, hostTable: readonly MountEntry[]) {
  const mounts = externalsOf(config, where).flatMap(({ place, source, recursive }) => {
    const below = hostTable.filter(({ point }) => recursive && point.startsWith(`${source}/`));
    return [
      { key: place, value: source },
      ...below.map(({ point }) => ({ key: place + point.slice(source.length), value: point })),
    ];
  });
  return [...mounts.filter(({ key }) => key !== NULL), { key: NULL, value: NULL }];
}

function externalsOf(config: Config, { bundle, cgroups }: MountPlace): readonly External[] {
  const { mounts = [], linux = {} } = config;
  const namespaces = new Set(linux.namespaces?.map(({ type }) => type));
  const externals = mounts.flatMap((mount): External[] => {
    const place = join("/", mount.destination);
    if (isBind(mount) && mount.source !== undefined) {
      const source = isAbsolute(mount.source) ? join(mount.source) : join(bundle, mount.source);
      return [{ place, source, recursive: mount.options?.includes("rbind") ?? false }];
    }
    const isCgroup = mount.type === "cgroup" || mount.type === "cgroup2";
    return isCgroup && !namespaces.has("cgroup") ? [{ place, source: cgroups, recursive: false }] : [];
  });
  if (!namespaces.has("user")) return externals;
  // A user namespace makes no device nodes: each is bound from the host's /dev.
  const devices = containerDevices(linux.devices ?? []).map(({ device }) => join("/", device.path));
  return [...externals, ...devices.map((path) => ({ place: path, source: path, recursive: false }))];
}

function maskedPlaces({ linux }: Config): readonly string[] {
  return (linux?.maskedPaths ?? []).map((path) => join("/", path));
}

/** Whether config.json has a mount of its own there. */
function isOwn({ mounts = [] }: Config, point: string): boolean {
  return mounts.some(({ destination }) => join("/", destination) === point);
}
