import { close, fcntl, getegid, geteuid, kill, pidfdOpen, waitid } from "../kernel/calls.ts";
import { F_SETFD, P_PID, SIGKILL, STREAMS, WEXITED, WNOHANG, WNOWAIT } from "../kernel/constants.ts";
import { entryNotes } from "../kernel/entry-notes.ts";
import { readLink } from "../kernel/files.ts";
import { attempt, here } from "../kernel/here.ts";
import { endedChild, SIGINFO_SIZE } from "../kernel/structs.ts";
import { readable, until } from "../kernel/wait.ts";
import { type Caller, type Output, type Streams, withOutput } from "./caller.ts";
import { reap, spawnAgent } from "./spawn.ts";

/** How long a killed agent may take to die, in milliseconds: one may be in an uninterruptible sleep. */
const DEATH_PATIENCE = 10_000;

/** tsrun as its own caller, as on the command line: agents are its children. */
export class OwnCaller implements Caller {
  readonly proc = "/proc/self";
  readonly env = process.env;
  output: Output | null = null;
  readonly umask = 0;

  namespace(file: string): string {
    return readLink(`${this.proc}/ns/${file}`);
  }

  get streams(): Streams {
    return withOutput(STREAMS, this.output);
  }

  // Read when they are needed, not earlier: even these calls can fail, and then the failure must be reported.
  get uid(): number {
    return here(geteuid());
  }

  get gid(): number {
    return here(getegid());
  }

  /** Bun has raised the soft limit to the hard one, which slows down programs that close every possible descriptor. */
  get openFiles(): bigint {
    return entryNotes()?.openFiles ?? 0n;
  }

  pass(descriptors: readonly number[]): readonly number[] {
    for (const fd of descriptors) here(fcntl(fd, F_SETFD, 0));
    return descriptors;
  }

  start(mailbox: number): number {
    return spawnAgent(mailbox);
  }

  reap(pid: number, wait: boolean): number | null {
    return reap(pid, wait);
  }

  forget(pid: number): void {
    reap(pid, true);
  }

  isRunning(pid: number): boolean {
    const info = new Uint8Array(SIGINFO_SIZE);
    return attempt(waitid(P_PID, pid, info, WEXITED | WNOHANG | WNOWAIT)) >= 0 && endedChild(info) === 0;
  }

  /** An unreaped pid is never reused, so killing it takes no pidfd, which might be more than can be opened. */
  async end(pid: number, patience = DEATH_PATIENCE): Promise<void> {
    if (attempt(waitid(P_PID, pid, new Uint8Array(SIGINFO_SIZE), WEXITED | WNOHANG | WNOWAIT)) < 0) return;
    if (attempt(kill(pid, SIGKILL)) < 0) return; // it ends with tsrun
    const pidfd = attempt(pidfdOpen(pid));
    await (pidfd < 0 ? until(() => !this.isRunning(pid), patience) : readable(pidfd, patience));
    if (pidfd >= 0) here(close(pidfd));
    reap(pid, false);
  }
}
