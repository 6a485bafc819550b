/**
 * The scheduling of a process and of its I/O: `process.scheduler`, `process.ioPriority` and `process.execCPUAffinity`.
 * All are set from outside, with tsrun's privileges, which the process lacks in a user namespace; and as late as
 * possible, since under SCHED_IDLE even the set-up of the container would hardly get to run.
 *
 * Loaded only for the processes that ask for it.
 */

import type { ExecCpuAffinity, IoPriority, Process, Scheduler } from "../../../runtime-spec/config.ts";
import type { Program } from "../../agent/program.ts";
import type { Call } from "../../kernel/call.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { attempt, onBehalfOf } from "../../kernel/here.ts";
import {
  IOPRIO_CLASSES,
  ioprioSet,
  SCHED_FLAGS,
  SCHED_POLICIES,
  schedAttr,
  schedSetaffinity,
  schedSetattr,
} from "../../kernel/scheduling.ts";
import { fail } from "../../kernel/user-error.ts";
import { CPUS } from "./affinity.ts";

/** Sets the scheduler and the I/O priority of a process. @throws UserError */
export function setScheduling(pid: number, { scheduler, ioPriority }: Process): void {
  if (ioPriority !== undefined) setIoPriority(pid, ioPriority);
  if (scheduler !== undefined) setScheduler(pid, scheduler);
}

function setScheduler(pid: number, scheduler: Scheduler): void {
  const { policy, nice = 0, priority = 0, flags = [], runtime = 0, deadline = 0, period = 0 } = scheduler;
  const bits = flags.reduce((sum, flag) => sum | SCHED_FLAGS[flag], 0);
  const attr = { policy: SCHED_POLICIES[policy], flags: bits, nice, priority, runtime, deadline, period };
  perform("process.scheduler", policy, schedSetattr(pid, schedAttr(attr)), {
    [ERRNO.EPERM]:
      "it takes CAP_SYS_NICE, for real-time policies a cgroup that is given real-time, and for SCHED_DEADLINE all CPUs of a cpuset",
    [ERRNO.EBUSY]: "the CPUs have promised their time to other SCHED_DEADLINE processes",
    [ERRNO.EINVAL]: "this kernel does not know the policy or a flag, or refuses the numbers",
  });
}

function setIoPriority(pid: number, { class: name, priority = 0 }: IoPriority): void {
  perform("process.ioPriority", name, ioprioSet(pid, IOPRIO_CLASSES[name], priority), {
    [ERRNO.EPERM]: "IOPRIO_CLASS_RT takes CAP_SYS_NICE or CAP_SYS_ADMIN",
  });
}

/** Adds the step that confines the parent of an `exec`ed process to the CPUs of `initial`. */
export function confineParent(stage: Program, { initial }: ExecCpuAffinity): void {
  if (initial) stage.by("process.execCPUAffinity.initial").add(schedSetaffinity(0, cpuMask(initial)));
}

/**
 * Confines an `exec`ed process to the CPUs of `final`. Without `final` it stays on those of `initial`, unless its
 * cgroup has none of them. @throws UserError
 */
export function setFinalAffinity(pid: number, { initial, final }: ExecCpuAffinity): void {
  if (final)
    perform("process.execCPUAffinity.final", final, schedSetaffinity(pid, cpuMask(final)), {
      [ERRNO.EINVAL]: "the container's cgroup has none of these CPUs",
    });
  else if (initial) attempt(schedSetaffinity(pid, cpuMask(initial)));
}

function perform(where: string, what: string, call: Call, hints: { readonly [errno: number]: string }): void {
  const errno = -onBehalfOf(where, () => attempt(call));
  if (errno <= 0) return;
  const hint = hints[errno];
  fail(
    where,
    `cannot set ${what}: ${call.name}: ${errnoWords(errno)}${hint === undefined ? "" : `; ${hint}`}`,
  );
}

/** A bit for each CPU of a list like `0-3,7` or `0-31:2/4` (cpuset(7), "List format"). */
export function cpuMask(list: string): Uint8Array {
  const mask = new Uint8Array(CPUS / 8);
  for (const part of list.split(",")) {
    const [, first = "", last = first, used = "1", group = "1"] =
      /^(\d+)(?:-(\d+)(?::(\d+)\/(\d+))?)?$/.exec(part.trim()) ?? [];
    for (let cpu = Number(first); cpu <= Number(last) && cpu < CPUS; cpu++) {
      const inGroup = (cpu - Number(first)) % Number(group);
      if (inGroup < Number(used)) mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | (1 << (cpu & 7));
    }
  }
  return mask;
}
