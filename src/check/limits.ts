/** The limits of a config: what they write to cgroup v2, and which it hasn't got. */
import type { Config } from "../../runtime-spec/config.ts";
import { UserError } from "../kernel/user-error.ts";
import type { CgroupWrite } from "../linux/cgroups/cgroup-write.ts";
import { resourceWrites } from "../linux/cgroups/resources.ts";

interface Refused {
  readonly property: string;
  readonly problem: string;
}

interface PlannedLimits {
  readonly writes: readonly CgroupWrite[];
  /** Limits that only cgroup v1 has, or that nobody can set. */
  readonly refused: readonly Refused[];
}

/** Property by property of `linux.resources`, so that one that is refused hides no other. */
export function plannedLimits({ linux }: Config): PlannedLimits {
  const writes: CgroupWrite[] = [];
  const refused: Refused[] = [];
  for (const [property, value] of Object.entries(linux?.resources ?? {})) {
    try {
      writes.push(...resourceWrites({ [property]: value }));
    } catch (error) {
      if (!(error instanceof UserError) || error.property === null) throw error;
      refused.push({ property: error.property, problem: error.problem });
    }
  }
  return { writes, refused };
}
