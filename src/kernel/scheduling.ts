/** Scheduling of processes, with the names of linux/sched.h, linux/sched/types.h and linux/ioprio.h. */
import type { Call } from "./call.ts";

export const SCHED_POLICIES = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
} as const;

export const SCHED_FLAGS = {
  SCHED_FLAG_RESET_ON_FORK: 0x01,
  SCHED_FLAG_RECLAIM: 0x02,
  SCHED_FLAG_DL_OVERRUN: 0x04,
  SCHED_FLAG_KEEP_POLICY: 0x08,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
} as const;

export const IOPRIO_CLASSES = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 } as const;

const IOPRIO_CLASS_SHIFT = 13;
export const IOPRIO_WHO_PROCESS = 1;

/** What `struct sched_attr` holds; times are nanoseconds. */
interface SchedAttr {
  readonly policy: number;
  readonly flags: number;
  readonly nice: number;
  readonly priority: number;
  readonly runtime: number | bigint;
  readonly deadline: number | bigint;
  readonly period: number | bigint;
}

/** `struct sched_attr`, the version with utilization clamps, which are left at 0. */
export function schedAttr(attr: SchedAttr): Uint8Array {
  const size = 56;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size, true);
  view.setUint32(4, attr.policy, true);
  view.setBigUint64(8, BigInt(attr.flags), true);
  view.setInt32(16, attr.nice, true);
  view.setUint32(20, attr.priority, true);
  view.setBigUint64(24, BigInt(attr.runtime), true);
  view.setBigUint64(32, BigInt(attr.deadline), true);
  view.setBigUint64(40, BigInt(attr.period), true);
  return bytes;
}

export const schedSetattr = (pid: number, attr: Uint8Array): Call => ({
  name: "sched_setattr",
  args: [pid, attr, 0],
});

/** `mask` has a bit for each CPU. */
export const schedSetaffinity = (pid: number, mask: Uint8Array): Call => ({
  name: "sched_setaffinity",
  args: [pid, mask.byteLength, mask],
});

export const ioprioSet = (pid: number, ioClass: number, level: number): Call => ({
  name: "ioprio_set",
  args: [IOPRIO_WHO_PROCESS, pid, (ioClass << IOPRIO_CLASS_SHIFT) | level],
});
