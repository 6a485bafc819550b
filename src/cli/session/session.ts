import type { Caller } from "../../agent/caller.ts";
import type { CallerConsole } from "../../container/terminal/console.ts";

/**
 * The process that a command line is run for, and what a command needs of it besides what Caller has. On the command
 * line that is tsrun itself (own-session.ts). Commands touch no process but this one, so that one tsrun can run several
 * command lines side by side.
 */
export interface Session {
  readonly caller: Caller;
  /** The process that serves a container in the foreground. */
  readonly pid: number;
  /** Whether tsrun goes on after the command and must give back memory: it is quicker to leave that to the kernel. */
  readonly livesOn: boolean;
  /** Whether a person is likely to read standard error at once, as it is a terminal. */
  readonly complainsToTerminal: boolean;
  /** Whether a tsrun server does the command, and if not why, for people; `may` is false with --no-serve. */
  service(may: boolean): Promise<string>;
  /** Prints all of a text to standard output (1) or standard error (2). @throws SyscallError */
  write(stream: 1 | 2, text: string | Uint8Array): void;
  /** All that standard input still gives. @throws SyscallError */
  readInput(): Promise<string>;
  /**
   * Lets a container have this many descriptors of the process, from 3 on; `what` has asked for them. Returns which of
   * them are not open. @throws UserError when the last one is not
   */
  preserve(count: number, what: string): Promise<readonly number[]>;
  /** Holds the signals that would end the command while it makes a container. */
  holdSignals(): Promise<HeldSignals>;
  /** From now on forwards the signals of the process to its child, but for those that its terminal takes. */
  foreground(pid: number, terminal: CallerConsole | null): Promise<Foreground>;
  /** Acts when the process is told to end (SIGTERM, SIGINT). */
  onEnd(act: () => void): void;
  /** What makes the process adopt a container's orphans, and reap them. */
  subreaper(): Promise<Subreaper>;
}

/** Disposed of, it releases them too. */
export interface HeldSignals extends Disposable {
  /** Acts each time one comes that asks the command to end. */
  onEnd(act: () => void): void;
  /** Holds signals no longer, and returns those that have come. */
  release(): readonly number[];
}

/** A child that is served in the foreground. */
export interface Foreground {
  /** Sends the child a signal; does nothing when it has ended. */
  send(signal: number): void;
  /** Waits for the child's end. Returns its status (wait(2)). */
  wait(): Promise<number>;
}

export interface Subreaper {
  adoptOrphans(): void;
  /** Reaps orphans until it is disposed of, but not `init`. */
  reapOrphans(init: number): Disposable;
}
