/** The limits of a config: what they write to cgroup v2, and which it hasn't got. */
import type { Config } from "../../runtime-spec/config.ts";
import type { CgroupWrite } from "../linux/cgroups/cgroup-write.ts";
import { resourceWrites } from "../linux/cgroups/resources.ts";
import { ConfigError } from "../linux/config-error.ts";

interface PlannedLimits {
  readonly writes: readonly CgroupWrite[];
  /** Limits that only cgroup v1 has, or that nobody can set. */
  readonly refused: readonly ConfigError[];
}

/** Property by property of `linux.resources`, so that one that is refused hides no other. */
export function plannedLimits({ linux }: Config): PlannedLimits {
  const writes: CgroupWrite[] = [];
  const refused: ConfigError[] = [];
  for (const [property, value] of Object.entries(linux?.resources ?? {})) {
    try {
      writes.push(...resourceWrites({ [property]: value }));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      refused.push(error);
    }
  }
  return { writes, refused };
}
