import type { Process } from "../../../runtime-spec/config.ts";
import { resetAffinity } from "../../linux/process/affinity.ts";
import { setOomScore } from "../../linux/process/oom-score.ts";
import { setRlimits } from "../../linux/process/rlimits.ts";

/**
 * Sets from outside what a process of the container (its own, an `exec`ed one, a startContainer hook) can't set itself,
 * or would inherit from tsrun. Must come before the process changes its user, as a process of another user can't be
 * limited without CAP_SYS_RESOURCE. `warn` is told what an ordinary user may not set; with null that is an error.
 * @throws ConfigError
 */
export function setFromOutside(pid: number, process: Process, warn: ((line: string) => void) | null): void {
  setRlimits(pid, process);
  setOomScore(pid, process.oomScoreAdj, warn);
  resetAffinity(pid);
}
