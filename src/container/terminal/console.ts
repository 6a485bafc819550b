/**
 * The master end of a process's terminal: who gets it, and how it comes out of the container.
 *
 * The process opens its terminal inside (src/linux/terminal.ts), and tsrun fetches the master's descriptor from it. A
 * detached container's master goes to the program behind --console-socket; in the foreground tsrun itself connects it
 * to the terminal that it was called from.
 */
import type { Process } from "../../../runtime-spec/config.ts";
import type { Caller, Streams } from "../../agent/caller.ts";
import type { Mailbox } from "../../agent/mailbox.ts";
import type { StepResult } from "../../kernel/call.ts";
import { here } from "../../kernel/here.ts";
import { fetchDescriptor } from "../../kernel/socket.ts";
import {
  getTermios,
  openSlave,
  plainTermios,
  setTermios,
  setWindowSize,
  TERMIOS_SIZE,
} from "../../kernel/terminal.ts";
import { UserError } from "../../kernel/user-error.ts";
import { closeTerminal, type Terminal } from "../../linux/terminal.ts";
import { CallerSocket } from "../caller/caller-socket.ts";
import { runInit } from "../init/run-init.ts";
import { CallerTerminal } from "./caller-terminal.ts";
import { type Ends, Relay } from "./relay.ts";

/** Who gets the master. */
export interface Console {
  /** Takes it, once the steps of `terminal` have been added to the process's program. @throws UserError */
  attach(caller: Caller, agent: Mailbox, pid: number, terminal: Terminal): Promise<void>;
  /** Takes the master itself, for a process that is restored. @throws UserError */
  take(master: number): void;
}

export interface ConsoleOptions {
  readonly consoleSocket: string | undefined;
  /** Whether tsrun returns before the process ends. */
  readonly detach: boolean;
}

/**
 * Who takes the master of a process's terminal; `streams` are the caller's.
 * @throws UserError when nobody can, or the process has no terminal
 */
export function openConsole(
  streams: Streams,
  { terminal }: Process,
  options: ConsoleOptions,
): ConsoleSocket | CallerConsole {
  const { consoleSocket, detach } = options;
  if (consoleSocket === undefined) {
    if (!detach) return new CallerConsole(streams);
    throw new UserError(
      "cannot allocate tty if tsrun will detach without setting console socket: give --console-socket, or set process.terminal to false",
    );
  }
  if (terminal && detach) return new ConsoleSocket(consoleSocket);
  throw new UserError(
    `cannot use console socket if tsrun will not detach or allocate tty: ${terminal ? "give --detach" : "set process.terminal to true"}, or leave out --console-socket`,
  );
}

/** A program behind a unix socket that takes the master: conmon, containerd's shim. */
export class ConsoleSocket implements Console {
  readonly kind = "socket";
  private readonly socket: CallerSocket;

  /** @throws UserError */
  constructor(path: string) {
    this.socket = new CallerSocket("--console-socket", path);
  }

  async attach(caller: Caller, agent: Mailbox, pid: number, terminal: Terminal): Promise<void> {
    await runInit(caller, agent, pid);
    const master = fetchDescriptor(pid, agent.result(terminal.master));
    closeTerminal(agent.program, terminal);
    this.take(master);
  }

  take(master: number): void {
    this.socket.send("/dev/ptmx", master); // runc's word; receivers look at the descriptor alone
  }
}

/** The terminal that tsrun was called from, or its standard streams when they are no terminal. */
export class CallerConsole implements Console, Disposable {
  readonly kind = "caller";
  private readonly streams: Streams;
  private readonly caller: CallerTerminal;
  private ends: Ends | null = null;

  /**
   * Signals that tsrun handles itself and does not pass on; null leaves the default action. The signals of job control
   * are for tsrun: passed on, they would stop the container's process instead. Its own terminal generates its own.
   */
  readonly signals: ReadonlyMap<NodeJS.Signals, (() => void) | null> = new Map<
    NodeJS.Signals,
    (() => void) | null
  >([
    ["SIGWINCH", () => this.resize()],
    ["SIGCONT", () => this.begin()],
    ["SIGTSTP", null],
    ["SIGTTIN", null],
    ["SIGTTOU", null],
  ]);

  constructor(streams: Streams) {
    this.streams = streams;
    this.caller = new CallerTerminal(streams);
  }

  async attach(caller: Caller, agent: Mailbox, pid: number, terminal: Terminal): Promise<void> {
    await runInit(caller, agent, pid);
    const take = (step: StepResult) => fetchDescriptor(pid, agent.result(step));
    this.connect({ master: take(terminal.master), slave: take(terminal.slave) });
    closeTerminal(agent.program, terminal);
  }

  take(master: number): void {
    this.connect({ master, slave: here(openSlave(master)) });
  }

  /** Unless the output goes to a terminal, newlines are not turned into carriage return and newline (ONLCR). */
  private connect(ends: Ends): void {
    this.ends = ends;
    if (this.caller.printsRaw) return;
    const termios = new Uint8Array(TERMIOS_SIZE);
    here(getTermios(ends.slave, termios));
    here(setTermios(ends.slave, plainTermios(termios)));
  }

  /** Copies the window size and puts the caller's terminal into raw mode. */
  begin(): void {
    if (this.ends === null) return;
    this.caller.makeRaw();
    this.resize();
  }

  /** Connects the two terminals until the process of `pidfd` has ended, or the caller's terminal has gone. */
  async serve(pidfd: number): Promise<void> {
    if (this.ends === null) throw new Error("serve comes after attach");
    await new Relay(this.ends, this.streams, this.caller.isTyped).until(pidfd);
    this.ends = null;
    this.caller[Symbol.dispose]();
  }

  /** Sets the size of the container's terminal; the kernel sends SIGWINCH to the programs inside. */
  private resize(): void {
    const { size } = this.caller;
    if (size !== null && this.ends !== null) here(setWindowSize(this.ends.master, size));
  }

  /** Gives the caller's terminal back as it was. */
  [Symbol.dispose](): void {
    this.caller[Symbol.dispose]();
  }
}
