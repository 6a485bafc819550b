/** Features that only a bundle can name: the sources of its id-mapped mounts, its file systems and sysctls. */
import type { Mount } from "../../runtime-spec/config.ts";
import type { Bundle } from "../container/bundle.ts";
import { fsopen } from "../kernel/calls.ts";
import { isBind, isIdMapped } from "../linux/mounts/mount-options.ts";
import { isAbsolute, join } from "../linux/paths.ts";
import { mapDirectory } from "./areas/id-mapped-mounts.ts";
import { sysctlFeature } from "./areas/sysctls.ts";
import type { Area, Feature } from "./feature.ts";
import { ownersOfMounts, userNamespaceFeatures } from "./user-namespace-features.ts";

/** What a bundle needs beside the features of `areas`. */
export function areasOf({ path, config }: Bundle, areas: readonly Area[]): readonly Area[] {
  const { mounts = [], linux } = config;
  const mapped = mounts.flatMap((mount, index) =>
    isIdMapped(mount) && isBind(mount) ? [idMapped(mount, index, path)] : [],
  );
  const types = mounts.filter((mount) => !isBind(mount)).flatMap(({ type }) => type ?? []);
  const sysctls = Object.keys(linux?.sysctl ?? {});
  return [
    { name: "namespaces", features: userNamespaceFeatures(config) },
    {
      name: "mounts",
      features: [
        ...mapped,
        ...ownersOfMounts(config),
        ...unknownTo(areas, types.filter(isOwnKind).map(fileSystem)),
      ],
    },
    { name: "sysctls", features: unknownTo(areas, sysctls.map(sysctlFeature)) },
  ];
}

/** A config's `cgroup` is a cgroup2, which `areas` try; `none` goes with what is mounted already. */
const isOwnKind = (type: string) => type !== "cgroup" && type !== "none";

function idMapped({ source = "", destination }: Mount, index: number, bundle: string): Feature {
  const path = isAbsolute(source) ? source : join(bundle, source);
  return {
    name: `id-mapped.mounts.${index}`,
    title: `id-mapped mount on ${destination}`,
    config: [],
    places: () => [`mounts[${index}]`],
    probe: (trial) => mapDirectory(trial, path),
  };
}

function fileSystem(type: string): Feature {
  return {
    name: `filesystem.${type}`,
    title: `${type} file system`,
    config: [`mounts[type=${type}]`],
    // What to mount and how is the bundle's to say.
    probe: ({ subject }) => subject.do(fsopen(type)),
  };
}

function unknownTo(areas: readonly Area[], features: readonly Feature[]): readonly Feature[] {
  const known = new Set(areas.flatMap((area) => area.features.map(({ name }) => name)));
  return features.filter(({ name }) => !known.has(name) && known.add(name));
}
