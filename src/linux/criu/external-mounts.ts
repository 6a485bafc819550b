/**
 * Mounts of a container from the host, which criu(8) can neither save nor make. For a dump it is told their names, for
 * a restore what to mount in their places. The names are runc's, so that either runtime can restore the other's images.
 */
import type { Config } from "../../../runtime-spec/config.ts";
import { containerDevices } from "../devices/devices.ts";
import { isBind } from "../mounts/mount-options.ts";
import type { MountEntry } from "../mounts/mount-table.ts";
import { isAbsolute, join } from "../paths.ts";

/** What masks a file, and the name of all such mounts. */
const NULL = "/dev/null";

/** What else the mounts of a container depend on, besides its config. */
interface MountPlace {
  readonly bundle: string;
  /** Where the host has cgroup v2 mounted. */
  readonly cgroups: string;
}

interface External {
  /** The mount point in the container. */
  readonly place: string;
  /** The source on the host. */
  readonly source: string;
  readonly recursive: boolean;
}

/** For `criu dump`: the mount points of such mounts, from the container's mount table, and their names. */
export function savedMounts(config: Config, where: MountPlace, table: readonly MountEntry[]) {
  const externals = externalsOf(config, where);
  const below = ({ place }: External) =>
    table.filter(({ point }) => point.startsWith(`${place}/`) && !isOwn(config, point));
  const places = externals.flatMap((external) => [
    ...table.filter(({ point }) => point === external.place),
    ...(external.recursive ? below(external) : []),
  ]);
  const masks = maskedPlaces(config).flatMap((place) =>
    // A directory is masked by a file system of its own, which criu restores itself.
    table.filter(({ point, root }) => point === place && root !== "/"),
  );
  return [
    ...places.map(({ point }) => ({ key: point, value: point })),
    ...masks.map(({ point }) => ({ key: point, value: NULL })),
  ];
}

/** For `criu restore`: the names that a container's mounts may have, and what to mount for each. */
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
  // In a user namespace no device node can be made: each is bound from the host's /dev.
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
