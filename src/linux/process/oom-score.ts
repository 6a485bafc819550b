import { SyscallError } from "../../kernel/call.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { writeExisting } from "../../kernel/files.ts";
import { onBehalfOf } from "../../kernel/here.ts";
import { fail } from "../../kernel/user-error.ts";

/**
 * Sets how likely the OOM killer takes the process (proc_pid_oom_score_adj(5)). With `warn`, for ordinary users, being
 * refused is only a warning: they may not lower it, and every caller's config does. @throws UserError
 */
export function setOomScore(
  pid: number,
  score: number | undefined,
  warn: ((line: string) => void) | null = null,
): void {
  if (score === undefined) return;
  try {
    onBehalfOf("process.oomScoreAdj", () => writeExisting(`/proc/${pid}/oom_score_adj`, String(score)));
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const isRefused = error.errno === ERRNO.EACCES || error.errno === ERRNO.EPERM;
    if (warn !== null && isRefused) {
      warn(`config.json: process.oomScoreAdj: stays as it is: an ordinary user may not set ${score}`);
      return;
    }
    const hint = isRefused
      ? "; without CAP_SYS_RESOURCE of the host it cannot get below what it once was set to"
      : "";
    fail("process.oomScoreAdj", `cannot set ${score}: ${errnoWords(error.errno)}${hint}`);
  }
}
