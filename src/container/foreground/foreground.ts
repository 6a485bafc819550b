import { reap } from "../../agent/spawn.ts";
import { close, pidfdOpen, pidfdSendSignal, ppoll, rtSigtimedwait } from "../../kernel/calls.ts";
import { POLLIN } from "../../kernel/constants.ts";
import { attempt, here } from "../../kernel/here.ts";
import { SIGNALS, type SignalName } from "../../kernel/signals.ts";
import { pollFd, signalSet, waitStatus } from "../../kernel/structs.ts";
import { EXIT } from "../../kernel/user-error.ts";
import type { CallerConsole } from "../terminal/console.ts";

/**
 * Signals that are forwarded to the container while tsrun waits for it. Not included: those that cannot be caught;
 * those about tsrun's own children, pipes and terminal; those raised by a crash of tsrun itself; and SIGPWR, with which
 * Bun halts its threads.
 */
const FORWARDED = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGTERM",
  "SIGCONT",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGVTALRM",
  "SIGPROF",
  "SIGIO",
] as const satisfies readonly SignalName[];

/** Those of them that concern the terminal, or whose default action ends nothing. */
const HARMLESS: ReadonlySet<SignalName> = new Set<SignalName>(["SIGCONT", "SIGTSTP", "SIGTTIN", "SIGTTOU"]);

/** The signals that entry.c blocks, as Bun cannot catch them: SIGSTKFLT and the real-time ones. */
function blockedSignals(): readonly number[] {
  const blocked: number[] = [SIGNALS.SIGSTKFLT];
  for (let signal: number = SIGNALS.SIGRTMIN; signal <= SIGNALS.SIGRTMAX; signal++) blocked.push(signal);
  return blocked;
}

/** All that are forwarded, by their numbers. */
export const forwardedSignals = (): readonly number[] => [
  ...FORWARDED.map((name) => SIGNALS[name]),
  ...blockedSignals(),
];

/**
 * Signals that arrive while a container is being made, and would end tsrun in the middle of it. They are passed on when
 * the container runs; if tsrun does not wait for the container, they are dropped.
 */
export class HeldSignals implements Disposable {
  private readonly came: number[] = [];
  private readonly handlers = new Map<string, () => void>();
  private end = () => {};

  constructor() {
    for (const name of FORWARDED) {
      if (HARMLESS.has(name)) continue;
      const handler = () => {
        this.came.push(SIGNALS[name]);
        if (name === "SIGTERM" || name === "SIGINT") this.end();
      };
      this.handlers.set(name, handler);
      process.on(name, handler);
    }
  }

  /** Acts each time one comes that asks tsrun to end. */
  onEnd(act: () => void): void {
    this.end = act;
  }

  /** Stops holding signals, and returns those that have arrived. */
  release(): readonly number[] {
    for (const [name, handler] of this.handlers) process.off(name, handler);
    this.handlers.clear();
    return this.came;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

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
  private readonly blocked = signalSet(blockedSignals());

  /**
   * From now on forwards the signals that tsrun gets to the child, except those that `caller`, the console of a child
   * with a terminal, handles itself.
   */
  constructor(pid: number, caller: CallerConsole | null) {
    this.pid = pid;
    this.pidfd = here(pidfdOpen(pid));
    this.caller = caller;
    const own = caller?.signals ?? new Map<NodeJS.Signals, null>();
    for (const name of FORWARDED) if (!own.has(name)) process.on(name, () => this.send(SIGNALS[name]));
    for (const [name, handler] of own) if (handler !== null) process.on(name, handler);
    caller?.begin();
  }

  /** Sends the child a signal; does nothing when it has ended. */
  send(signal: number): void {
    attempt(pidfdSendSignal(this.pidfd, signal));
  }

  /** Waits for the child's end. Returns its status (wait(2)). */
  async wait(): Promise<number> {
    if (this.caller !== null) await this.serve(this.caller);
    // JavaScript's signal handlers run between the waits, not during them.
    while (attempt(ppoll(pollFd(this.pidfd, POLLIN), TURN)) <= 0) {
      this.sendBlocked();
      await Bun.sleep(0);
    }
    here(close(this.pidfd));
    return reap(this.pid, true) ?? 0;
  }

  private async serve(caller: CallerConsole): Promise<void> {
    const timer = setInterval(() => this.sendBlocked(), TURN);
    await caller.serve(this.pidfd);
    clearInterval(timer);
  }

  private sendBlocked(): void {
    for (let signal = 1; signal > 0; ) {
      signal = attempt(rtSigtimedwait(this.blocked));
      if (signal > 0) this.send(signal);
    }
  }
}

/** A status of wait(2) as a shell gives it. */
export function exitStatus(status: number): number {
  const { signal, exit } = waitStatus(status);
  return signal === 0 ? exit : EXIT.bySignal + signal;
}
