/** What ties the properties of `process` together. */

import {
  CAPABILITIES,
  Capabilities,
  Process,
  Rlimit,
  type RlimitType,
  Scheduler,
  type SchedulerPolicy,
} from "./config-process.ts";
import { type Report, show } from "./report.ts";
import { rule } from "./walk.ts";

export const PROCESS_RULES = [
  rule(Process, programIsNamed, ["args"]),
  rule(Process, consoleSizeHasTerminal, ["terminal", "consoleSize"]),
  rule(Process, rlimitsDiffer, ["rlimits"]),
  rule(Rlimit, softIsWithinHard, ["soft", "hard"]),
  rule(Capabilities, capabilitiesAreKnown),
  rule(Capabilities, capabilitiesCanBeSet),
  rule(Scheduler, schedulerFitsPolicy),
];

function programIsNamed({ args }: Process, report: Report): void {
  if (args[0] === "") report.problem("must not be empty: it names the program", "args", 0);
}

function consoleSizeHasTerminal({ consoleSize, terminal }: Process, report: Report): void {
  if (consoleSize !== undefined && terminal !== true) {
    report.warning("is ignored without a terminal", "consoleSize");
  }
}

function rlimitsDiffer({ rlimits = [] }: Process, report: Report): void {
  const first = new Map<RlimitType, number>();
  for (const [index, { type }] of rlimits.entries()) {
    const earlier = first.get(type);
    if (earlier !== undefined)
      report.problem(`is listed twice: ${type} is in [${earlier}]`, "rlimits", index, "type");
    else first.set(type, index);
  }
}

function softIsWithinHard({ soft, hard }: Rlimit, report: Report): void {
  if (soft > hard) report.problem(`must not exceed hard (${hard}), found ${soft}`, "soft");
}

const SETS = ["bounding", "permitted", "effective", "inheritable", "ambient"] as const;

function capabilitiesAreKnown(capabilities: Capabilities, report: Report): void {
  for (const set of SETS) {
    for (const [index, name] of (capabilities[set] ?? []).entries()) {
      if (CAPABILITIES.includes(name)) continue;
      report.warning(`is not a known capability, and left out: ${show(name)}`, set, index);
    }
  }
}

/**
 * See capabilities(7): the kernel raises nothing that these larger sets lack. capset(2) then fails as a whole, while an
 * ambient capability alone is left out.
 */
const SUBSETS = [
  { of: "permitted", set: "effective", report: "problem" },
  { of: "permitted", set: "ambient", report: "warning" },
  { of: "inheritable", set: "ambient", report: "warning" },
] as const;

function capabilitiesCanBeSet(capabilities: Capabilities, report: Report): void {
  for (const { set, of, report: how } of SUBSETS) {
    const larger = capabilities[of] ?? [];
    for (const [index, name] of (capabilities[set] ?? []).entries()) {
      if (larger.includes(name) || !CAPABILITIES.includes(name)) continue;
      report[how](`cannot be raised: ${name} is not in ${of}`, set, index);
    }
  }
}

const REAL_TIME: readonly SchedulerPolicy[] = ["SCHED_FIFO", "SCHED_RR"];
const NICE: readonly SchedulerPolicy[] = ["SCHED_OTHER", "SCHED_BATCH"];

/** See sched_setattr(2). A 0 counts as not set: Go's callers write it. */
function schedulerFitsPolicy(scheduler: Scheduler, report: Report): void {
  const { policy, nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler;
  if (nice !== 0 && !NICE.includes(policy)) report.warning(`is ignored with ${policy}`, "nice");
  if (REAL_TIME.includes(policy)) {
    if (priority < 1 || priority > 99)
      report.problem(`must be from 1 to 99 with ${policy}, found ${priority}`, "priority");
  } else if (priority !== 0) report.problem(`has no meaning with ${policy}`, "priority");

  if (policy !== "SCHED_DEADLINE") {
    for (const name of ["runtime", "deadline", "period"] as const) {
      if ((scheduler[name] ?? 0) !== 0) report.problem(`has no meaning with ${policy}`, name);
    }
    return;
  }
  if (runtime < 1024) report.problem(`must be at least 1024 (nanoseconds), found ${runtime}`, "runtime");
  if (deadline < runtime)
    report.problem(`must not be less than runtime (${runtime}), found ${deadline}`, "deadline");
  if (period !== 0 && period < deadline) {
    report.problem(`must not be less than deadline (${deadline}), found ${period}`, "period");
  }
}
