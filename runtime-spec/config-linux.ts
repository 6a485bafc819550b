/** `linux` in config.json (config-linux.md). */

import { Resources } from "./config-linux-resources.ts";
import { Seccomp } from "./config-linux-seccomp.ts";
import { AbsolutePath, Id, IdMapping, Int64, interfaceNameComplaint, NumberList, Strings } from "./defs.ts";
import {
  array,
  boolean,
  type Infer,
  integer,
  map,
  object,
  oneOf,
  required,
  string,
  stringThat,
} from "./schema.ts";

export type {
  BlockIO,
  Cpu,
  DeviceRule,
  HugepageLimit,
  InterfacePriority,
  Memory,
  Network,
  Pids,
  Rdma,
  Resources,
  ThrottleDevice,
  WeightDevice,
} from "./config-linux-resources.ts";
export type {
  Seccomp,
  SeccompAction,
  SeccompArch,
  SeccompArg,
  SeccompFlag,
  SeccompOperator,
  SeccompSyscall,
} from "./config-linux-seccomp.ts";
export type { IdMapping } from "./defs.ts";

export const NamespaceType = oneOf("a namespace type", [
  "pid",
  "network",
  "mount",
  "ipc",
  "uts",
  "user",
  "cgroup",
  "time",
]);
export type NamespaceType = Infer<typeof NamespaceType>;

/** A namespace to make, or with `path` one to join. */
export const Namespace = object({
  type: required(NamespaceType),
  path: AbsolutePath,
});
export type Namespace = Infer<typeof Namespace>;

/** Where the list has a namespace of that type; -1 where it hasn't. A loop: findIndex() costs 0.1 ms at its first use. */
export function namespaceIndex(namespaces: readonly Namespace[], type: NamespaceType): number {
  for (let index = 0; index < namespaces.length; index++) if (namespaces[index]?.type === type) return index;
  return -1;
}

/** See time_namespaces(7). */
export const TimeOffset = object({
  secs: Int64,
  nanosecs: integer(0, 999_999_999),
});
export type TimeOffset = Infer<typeof TimeOffset>;

export const TimeOffsets = object({
  monotonic: TimeOffset,
  boottime: TimeOffset,
});
export type TimeOffsets = Infer<typeof TimeOffsets>;

/**
 * A device node to make; `u` is an unbuffered `c`, `p` a FIFO. Podman writes a whole st_mode into `fileMode`:
 * use its `& 0o7777`.
 */
export const Device = object({
  type: required(oneOf("a device type", ["b", "c", "u", "p"])),
  path: required(AbsolutePath),
  major: integer(0, 2 ** 12 - 1),
  minor: integer(0, 2 ** 20 - 1),
  fileMode: integer(0, 0o177777),
  uid: Id,
  gid: Id,
});
export type Device = Infer<typeof Device>;

/** Where a network device of the host goes: its new name, if it gets one. */
export const NetDevice = object({
  name: stringThat(interfaceNameComplaint),
});
export type NetDevice = Infer<typeof NetDevice>;

export const RootfsPropagation = oneOf("a mount propagation", [
  "shared",
  "slave",
  "private",
  "unbindable",
  "rshared",
  "rslave",
  "rprivate",
  "runbindable",
]);
export type RootfsPropagation = Infer<typeof RootfsPropagation>;

/** See resctrl in the kernel's documentation. */
export const IntelRdt = object({
  closID: stringThat((id) =>
    id === "." || id === ".." || /[/\n]/.test(id) || id.length > 255
      ? "must be a directory's name"
      : undefined,
  ),
  schemata: array(stringThat((line) => (line.includes("\n") ? "must be one line" : undefined))),
  l3CacheSchema: string,
  memBwSchema: stringThat((line) =>
    /^MB:[^\n]*$/.test(line) ? undefined : 'must be one line that starts with "MB:"',
  ),
  enableMonitoring: boolean,
});
export type IntelRdt = Infer<typeof IntelRdt>;

/** See set_mempolicy(2). */
export const MemoryPolicy = object({
  mode: required(
    oneOf("a memory policy mode", [
      "MPOL_DEFAULT",
      "MPOL_BIND",
      "MPOL_INTERLEAVE",
      "MPOL_WEIGHTED_INTERLEAVE",
      "MPOL_PREFERRED",
      "MPOL_PREFERRED_MANY",
      "MPOL_LOCAL",
    ]),
  ),
  nodes: NumberList,
  flags: array(
    oneOf("a memory policy flag", ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"]),
  ),
});
export type MemoryPolicy = Infer<typeof MemoryPolicy>;

/** See personality(2); the spec defines no flags yet. */
export const Personality = object({
  domain: required(oneOf("a personality domain", ["LINUX", "LINUX32"])),
  flags: Strings,
});
export type Personality = Infer<typeof Personality>;

export const Linux = object({
  namespaces: array(Namespace),
  uidMappings: array(IdMapping),
  gidMappings: array(IdMapping),
  timeOffsets: TimeOffsets,
  devices: array(Device),
  netDevices: map(NetDevice, interfaceNameComplaint),
  cgroupsPath: string,
  resources: Resources,
  rootfsPropagation: RootfsPropagation,
  seccomp: Seccomp,
  sysctl: map(string),
  maskedPaths: array(AbsolutePath),
  readonlyPaths: array(AbsolutePath),
  mountLabel: string,
  intelRdt: IntelRdt,
  memoryPolicy: MemoryPolicy,
  personality: Personality,
});
export type Linux = Infer<typeof Linux>;
