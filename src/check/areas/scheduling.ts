import { attempt, here } from "../../kernel/here.ts";
import {
  IOPRIO_CLASSES,
  ioprioSet,
  SCHED_POLICIES,
  schedAttr,
  schedSetattr,
} from "../../kernel/scheduling.ts";
import type { Area, Feature } from "../feature.ts";

const MILLISECOND = 1_000_000;

/** The attributes that each policy must have or may have; SCHED_ISO is in no kernel. */
const POLICIES = [
  { policy: "SCHED_OTHER", attributes: { nice: 1 } },
  { policy: "SCHED_BATCH", attributes: { nice: 1 } },
  { policy: "SCHED_IDLE", attributes: {} },
  { policy: "SCHED_FIFO", attributes: { priority: 1 } },
  { policy: "SCHED_RR", attributes: { priority: 1 } },
  {
    policy: "SCHED_DEADLINE",
    attributes: { runtime: MILLISECOND, deadline: 100 * MILLISECOND, period: 100 * MILLISECOND },
  },
] as const;

const NOTHING = { flags: 0, nice: 0, priority: 0, runtime: 0, deadline: 0, period: 0 };

function policyFeature({ policy, attributes }: (typeof POLICIES)[number]): Feature {
  return {
    name: `scheduler.${policy}`,
    title: `scheduling policy ${policy}`,
    config: [`process.scheduler.policy=${policy}`],
    // From outside, as `create` does it, and back at once: a process of SCHED_IDLE might not run for long enough to end.
    probe({ subject: { pid } }) {
      here(schedSetattr(pid, schedAttr({ ...NOTHING, ...attributes, policy: SCHED_POLICIES[policy] })));
      attempt(schedSetattr(pid, schedAttr({ ...NOTHING, policy: SCHED_POLICIES.SCHED_OTHER })));
    },
  };
}

function classFeature([name, number]: readonly [string, number]): Feature {
  return {
    name: `io-priority.${name}`,
    title: `I/O priority ${name}`,
    config: [`process.ioPriority.class=${name}`],
    probe: ({ subject }) => subject.do(ioprioSet(0, number, 0)),
  };
}

export const scheduling: Area = {
  name: "scheduling",
  features: [...POLICIES.map(policyFeature), ...Object.entries(IOPRIO_CLASSES).map(classFeature)],
};
