/** `linux.resources`: the container's cgroup (config-linux.md, "Control groups"). A 0 mostly means "not set". */

import { Int64, interfaceNameComplaint, NumberList, Uint32, Uint64 } from "./defs.ts";
import { INT64_MAX } from "./int64.ts";
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
  wideInteger,
} from "./schema.ts";

const DeviceNumber = integer(-1, 2 ** 32 - 1);

/** One line of the device allow list; no `major` or `minor` (or -1) means all, no `type` means `a`. */
export const DeviceRule = object({
  allow: required(boolean),
  type: oneOf("a device type", ["a", "b", "c"]),
  major: DeviceNumber,
  minor: DeviceNumber,
  access: stringThat((access) =>
    /^[rwm]*$/.test(access) ? undefined : "must be made of the letters r, w and m",
  ),
});
export type DeviceRule = Infer<typeof DeviceRule>;

/** Bytes; -1 means no limit. */
const Limit = wideInteger(-1, INT64_MAX);

export const Memory = object({
  limit: Limit,
  reservation: Limit,
  swap: Limit,
  kernel: Limit,
  kernelTCP: Limit,
  swappiness: integer(0, 200),
  disableOOMKiller: boolean,
  useHierarchy: boolean,
  checkBeforeUpdate: boolean,
});
export type Memory = Infer<typeof Memory>;

/** Times are microseconds. */
export const Cpu = object({
  shares: Uint64,
  quota: Int64,
  burst: Uint64,
  period: Uint64,
  realtimeRuntime: Int64,
  realtimePeriod: Uint64,
  cpus: NumberList,
  mems: NumberList,
  idle: integer(0, 1),
});
export type Cpu = Infer<typeof Cpu>;

/** -1 means no limit; the JSON schema still requires `limit`, which the specification and Go's callers do not. */
export const Pids = object({
  limit: Limit,
});
export type Pids = Infer<typeof Pids>;

/** 10 to 1000; 0 is unset (docker always writes it). */
const Weight = integer(0, 1000);

export const WeightDevice = object({
  major: required(Uint32),
  minor: required(Uint32),
  weight: Weight,
  leafWeight: Weight,
});
export type WeightDevice = Infer<typeof WeightDevice>;

/** `rate` is bytes or operations a second. */
export const ThrottleDevice = object({
  major: required(Uint32),
  minor: required(Uint32),
  rate: Uint64,
});
export type ThrottleDevice = Infer<typeof ThrottleDevice>;

export const BlockIO = object({
  weight: Weight,
  leafWeight: Weight,
  weightDevice: array(WeightDevice),
  throttleReadBpsDevice: array(ThrottleDevice),
  throttleWriteBpsDevice: array(ThrottleDevice),
  throttleReadIOPSDevice: array(ThrottleDevice),
  throttleWriteIOPSDevice: array(ThrottleDevice),
});
export type BlockIO = Infer<typeof BlockIO>;

/** `limit` is bytes. */
export const HugepageLimit = object({
  pageSize: required(
    stringThat((size) =>
      /^[1-9][0-9]*[KMG]B$/.test(size) ? undefined : 'must be a size like "2MB" or "1GB"',
    ),
  ),
  limit: required(Uint64),
});
export type HugepageLimit = Infer<typeof HugepageLimit>;

export const InterfacePriority = object({
  name: required(stringThat(interfaceNameComplaint)),
  priority: required(Uint32),
});
export type InterfacePriority = Infer<typeof InterfacePriority>;

export const Network = object({
  classID: Uint32,
  priorities: array(InterfacePriority),
});
export type Network = Infer<typeof Network>;

export const Rdma = object({
  hcaHandles: Uint32,
  hcaObjects: Uint32,
});
export type Rdma = Infer<typeof Rdma>;

export const Resources = object({
  devices: array(DeviceRule),
  memory: Memory,
  cpu: Cpu,
  pids: Pids,
  blockIO: BlockIO,
  hugepageLimits: array(HugepageLimit),
  network: Network,
  rdma: map(Rdma),
  /** cgroup v2 file names and what to write there. */
  unified: map(string, (file) =>
    /^[^./]+\.[^/]+$/.test(file) ? undefined : 'must be a cgroup file name like "memory.high"',
  ),
});
export type Resources = Infer<typeof Resources>;
