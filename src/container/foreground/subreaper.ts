/**
 * Orphans of a container without a pid namespace of its own: the nearest subreaper adopts them
 * (PR_SET_CHILD_SUBREAPER(2const)), and has to reap them.
 *
 * Loaded only for such containers in the foreground.
 */
import { reap } from "../../agent/spawn.ts";
import { prctl, waitid } from "../../kernel/calls.ts";
import { P_ALL, PR_SET_CHILD_SUBREAPER, WEXITED, WNOHANG, WNOWAIT } from "../../kernel/constants.ts";
import { attempt, here } from "../../kernel/here.ts";
import { endedChild, SIGINFO_SIZE } from "../../kernel/structs.ts";

/** How often they are looked for, in milliseconds. */
const LOOK = 100;

/** Makes tsrun their parent from now on. */
export function adoptOrphans(): void {
  here(prctl(PR_SET_CHILD_SUBREAPER, 1));
}

/**
 * Reaps orphans until it is disposed of, but not `init`. No other child, such as a hook, may be waited for meanwhile.
 */
export function reapOrphans(init: number): Disposable {
  const timer = setInterval(() => reapEnded(init), LOOK);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function reapEnded(init: number): void {
  const info = new Uint8Array(SIGINFO_SIZE);
  while (attempt(waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT)) >= 0) {
    const pid = endedChild(info);
    if (pid === 0 || pid === init) return;
    reap(pid, false);
    info.fill(0);
  }
}
