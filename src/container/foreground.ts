import { reap } from "../agent/spawn.ts";
import { close, pidfdOpen, pidfdSendSignal, ppoll } from "../kernel/calls.ts";
import { POLLIN } from "../kernel/constants.ts";
import { attempt, here } from "../kernel/here.ts";
import { pollFd, waitStatus } from "../kernel/structs.ts";
import type { CallerConsole } from "./console.ts";

/**
 * Signals that are the container's when tsrun waits for it. Not here: those that cannot be caught, that tell
 * tsrun of its own children and pipes, and that a crash of tsrun itself would raise.
 */
const FORWARDED = [
  ["SIGHUP", 1],
  ["SIGINT", 2],
  ["SIGQUIT", 3],
  ["SIGUSR1", 10],
  ["SIGUSR2", 12],
  ["SIGALRM", 14],
  ["SIGTERM", 15],
  ["SIGCONT", 18],
  ["SIGTSTP", 20],
  ["SIGTTIN", 21],
  ["SIGTTOU", 22],
  ["SIGXCPU", 24],
  ["SIGXFSZ", 25],
  ["SIGVTALRM", 26],
  ["SIGPROF", 27],
  ["SIGWINCH", 28],
  ["SIGIO", 29],
] as const;

/**
 * How long one wait lasts, in milliseconds. A signal normally interrupts it; one that arrives in the
 * instant before it begins is forwarded this much later.
 */
const TURN = 100;

/** A child that tsrun serves in the foreground: made before it runs its program, so that no signal is lost. */
export class Foreground {
  private readonly pid: number;
  private readonly pidfd: number;
  private readonly caller: CallerConsole | null;

  /**
   * Forwards the signals that tsrun gets to the child from now on, but those that mean something to `caller`, the
   * console of a child with a terminal.
   */
  constructor(pid: number, caller: CallerConsole | null) {
    this.pid = pid;
    this.pidfd = here(pidfdOpen(pid));
    this.caller = caller;
    for (const [name, number] of FORWARDED) {
      const own = caller?.signals.get(name);
      if (own !== null) process.on(name, own ?? (() => attempt(pidfdSendSignal(this.pidfd, number))));
    }
    caller?.begin();
  }

  /** Waits for the child's end. Returns its exit status; 128 + n when signal n ended it. */
  async wait(): Promise<number> {
    await this.caller?.serve(this.pidfd);
    // JavaScript's signal handlers run between the waits, not during them.
    while (attempt(ppoll(pollFd(this.pidfd, POLLIN), TURN)) <= 0) await Bun.sleep(0);
    here(close(this.pidfd));
    return exitStatus(reap(this.pid, true) ?? 0);
  }
}

/** A status of wait(2) as a shell gives it. */
function exitStatus(status: number): number {
  const { signal, exit } = waitStatus(status);
  return signal === 0 ? exit : 128 + signal;
}
