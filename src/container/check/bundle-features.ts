/** Features that only a bundle can name: its file systems and sysctls that are in no table. */
import type { Config } from "../../../runtime-spec/config.ts";
import { fsopen } from "../../kernel/calls.ts";
import { isBind } from "../../linux/mount-options.ts";
import { sysctlFeature } from "./areas/sysctls.ts";
import type { Area, Feature } from "./feature.ts";

/** The file systems that the bundle mounts and `areas` do not try: whether the kernel has them. */
export function fileSystemsOf({ mounts = [] }: Config, areas: readonly Area[]): Area {
  const types = mounts.filter((mount) => !isBind(mount)).flatMap(({ type }) => type ?? []);
  return { name: "mounts", features: unknownTo(areas, types.map(fileSystem)) };
}

/** The sysctls that the bundle sets and `areas` do not try. */
export function sysctlsOf({ linux }: Config, areas: readonly Area[]): Area {
  const features = Object.keys(linux?.sysctl ?? {}).map(sysctlFeature);
  return { name: "sysctls", features: unknownTo(areas, features) };
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
