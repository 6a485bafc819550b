import { SyscallError } from "../kernel/call.ts";
import { errnoName, errnoText } from "../kernel/errno.ts";
import { writeExisting } from "../kernel/files.ts";
import { fail } from "./config-error.ts";

/** Sets how likely the OOM killer takes the process (proc_pid_oom_score_adj(5)). @throws ConfigError */
export function setOomScore(pid: number, score: number | undefined): void {
  if (score === undefined) return;
  try {
    writeExisting(`/proc/${pid}/oom_score_adj`, String(score));
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    fail(
      "process.oomScoreAdj",
      `cannot set ${score}: ${errnoName(error.errno)} (${errnoText(error.errno)}); only CAP_SYS_RESOURCE may lower it`,
    );
  }
}
