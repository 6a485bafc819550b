import type { Cpu } from "../../../runtime-spec/config-linux-resources.ts";
import type { Integer } from "../../../runtime-spec/int64.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { fail } from "../../kernel/user-error.ts";
import { type CgroupWrite, limitText, RESOURCES } from "./cgroup-write.ts";

const WHERE = `${RESOURCES}.cpu`;
const DEFAULT_WEIGHT = 100;
/** The kernel's default, in microseconds. */
const DEFAULT_PERIOD = 100_000;

/** `cpu` as writes for the controllers cpu and cpuset; 0 is unset. @throws UserError */
export function cpuWrites(cpu: Cpu): CgroupWrite[] {
  refuseRealtime(cpu);
  return [...schedulingWrites(cpu), ...bandwidthWrites(cpu), ...cpusetWrites(cpu)];
}

/** The weight of an idle cgroup can't be written: `cpu.idle` comes first, so that 0 takes effect before the weight. */
function schedulingWrites({ idle, shares }: Cpu): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  if (idle !== undefined) {
    const write = { file: "cpu.idle", value: String(idle), where: `${WHERE}.idle` };
    writes.push(idle === 0 ? { ...write, isDefault: true } : write);
  }
  if (shares && idle !== 1) {
    const weight = cpuWeight(shares);
    const write = { file: "cpu.weight", value: String(weight), where: `${WHERE}.shares` };
    writes.push(weight === DEFAULT_WEIGHT ? { ...write, isDefault: true } : write);
  }
  return writes;
}

/**
 * cgroup v1's shares (2 to 262144, default 1024) as cgroup v2's weight (1 to 10000, default 100): the curve through
 * these three points that runc and crun have used since 2025. The earlier straight line turned 1024 into 39.
 */
function cpuWeight(shares: Integer): number {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const log = Math.log2(Number(shares));
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/**
 * The kernel requires burst ≤ quota after every write. Which has to come first depends on the present values, so burst
 * is tried before the quota and written again after it.
 */
function bandwidthWrites({ quota, period, burst }: Cpu): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  const burstWrite = { file: "cpu.max.burst", value: String(burst), where: `${WHERE}.burst` };
  if (burst !== undefined && quota) writes.push({ ...burstWrite, tolerate: [ERRNO.EINVAL] });
  if (quota || period) {
    const value = `${quota ? limitText(quota) : "max"} ${period || DEFAULT_PERIOD}`;
    const where = quota ? `${WHERE}.quota` : `${WHERE}.period`;
    writes.push({ file: "cpu.max", value, where, ...(value.startsWith("max") ? { isDefault: true } : {}) });
  }
  if (burst !== undefined) writes.push(burst === 0 ? { ...burstWrite, isDefault: true } : burstWrite);
  return writes;
}

function cpusetWrites({ cpus, mems }: Cpu): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  if (cpus) writes.push({ file: "cpuset.cpus", value: cpus, where: `${WHERE}.cpus` });
  if (mems) writes.push({ file: "cpuset.mems", value: mems, where: `${WHERE}.mems` });
  return writes;
}

function refuseRealtime(cpu: Cpu): void {
  for (const name of ["realtimeRuntime", "realtimePeriod"] as const)
    if (cpu[name]) fail(`${WHERE}.${name}`, "cgroup v2 has no limits of realtime CPU time: remove it");
}
