/** Ranges and pairs in `linux.resources`, as the kernel's cgroup files have them. */

import { BlockIO, Cpu, Memory, Rdma, WeightDevice } from "./config-linux-resources.ts";
import type { Report } from "./report.ts";
import { rule } from "./walk.ts";

export const RESOURCES_RULES = [
  rule(Memory, swapIncludesMemory, ["limit", "swap"]),
  rule(Cpu, cpuTimesAreInRange, ["quota", "period", "burst"]),
  rule(Cpu, realtimeFitsPeriod, ["realtimeRuntime", "realtimePeriod"]),
  rule(Cpu, sharesAreInRange, ["shares"]),
  rule(BlockIO, weightsAreInRange, ["weight", "leafWeight"]),
  rule(WeightDevice, weightsAreInRange),
  rule(Rdma, rdmaHasLimit),
];

/** `swap` is memory and swap together. */
function swapIncludesMemory({ limit = 0, swap = 0 }: Memory, report: Report): void {
  if (limit > 0 && swap > 0 && swap < limit) {
    report.problem(
      `must not be less than limit (${limit}): it is memory and swap together, found ${swap}`,
      "swap",
    );
  }
}

/** 0 is "not set", and any negative quota "no limit". The kernel's least quota and period are 1 ms. */
function cpuTimesAreInRange({ quota = 0, period = 0, burst = 0 }: Cpu, report: Report): void {
  if (quota > 0 && quota < 1000)
    report.problem(`must be at least 1000 (microseconds), found ${quota}`, "quota");
  if (period !== 0 && (period < 1000 || period > 1_000_000)) {
    report.problem(`must be from 1000 to 1000000 (microseconds), found ${period}`, "period");
  }
  if (quota > 0 && burst > quota) report.problem(`must not exceed quota (${quota}), found ${burst}`, "burst");
}

function realtimeFitsPeriod({ realtimeRuntime = 0, realtimePeriod = 0 }: Cpu, report: Report): void {
  if (realtimePeriod > 0 && realtimeRuntime > realtimePeriod) {
    report.problem(
      `must not exceed realtimePeriod (${realtimePeriod}), found ${realtimeRuntime}`,
      "realtimeRuntime",
    );
  }
}

/** The kernel takes a value out of its range as the nearest one in it; 0 is "not set". */
function sharesAreInRange({ shares = 0 }: Cpu, report: Report): void {
  if (shares === 1) report.warning("is raised to 2, the minimum; found 1", "shares");
  if (shares > 262_144) report.warning(`is lowered to 262144, the maximum; found ${shares}`, "shares");
}

interface Weighted {
  readonly weight?: number;
  readonly leafWeight?: number;
}

function weightsAreInRange(owner: Weighted, report: Report): void {
  for (const name of ["weight", "leafWeight"] as const) {
    const weight = owner[name] ?? 0;
    if (weight !== 0 && weight < 10)
      report.problem(`must be from 10 to 1000, or 0 for not set, found ${weight}`, name);
  }
}

function rdmaHasLimit({ hcaHandles, hcaObjects }: Rdma, report: Report): void {
  if (hcaHandles === undefined && hcaObjects === undefined)
    report.problem("must have hcaHandles or hcaObjects");
}
