/**
 * A caller that is another process. An agent runs in it, and makes the system calls that only that process can make,
 * such as those that start its children.
 *
 *     tsrun ── mailbox ──▶ agent in the caller ── clone3, execve ──▶ stage, with an agent of its own
 *
 * tsrun and the caller must be in the same pid and mount namespaces and have the same credentials: each takes descriptors
 * of the other (pidfd_getfd(2)).
 */
import { type Caller, type Environment, type Output, type Streams, withOutput } from "../../agent/caller.ts";
import type { Mailbox } from "../../agent/mailbox.ts";
import type { MailboxFile } from "../../agent/mailbox-file.ts";
import type { Program } from "../../agent/program.ts";
import { keptImage } from "../../agent/spawn.ts";
import { type StepResult, SyscallError } from "../../kernel/call.ts";
import {
  close,
  execve,
  exitGroup,
  fcntl,
  foreground,
  getpid,
  kill,
  pidfdGetfd,
  pidfdOpen,
  prctl,
  rtSigaction,
  rtSigprocmask,
  sendto,
  wait4,
  write,
} from "../../kernel/calls.ts";
import { F_SETFD, PR_SET_PTRACER, SIGKILL, STREAMS, WNOHANG } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { statusIfThere } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { Opened } from "../../kernel/opened.ts";
import { SIGNALS } from "../../kernel/signals.ts";
import { MSG_NOSIGNAL } from "../../kernel/socket.ts";
import { cloneArgs, SIGSET_SIZE } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";
import { until } from "../../kernel/wait.ts";
import { pidIn, processInfo, statusField } from "../state/process-info.ts";
import { type CallingProcess, idIn, signalsIn } from "./calling-process.ts";
import { Patience } from "./patience.ts";

/** How long a killed agent may take to die, in milliseconds: one may be in an uninterruptible sleep. */
const DEATH_PATIENCE = 10_000;

/** How long its children may take to die, in milliseconds, when it has died or was stopped. */
const ORPHAN_PATIENCE = 100;

export interface Printed {
  readonly stream: 1 | 2;
  readonly text: string;
}

/** Yama lets a process trace only its children, and those that allow it. */
let hasYama: boolean | null = null;

export class RemoteCaller implements Caller, Disposable {
  readonly pid: number;
  readonly proc: string;
  readonly env: Environment;
  readonly openFiles = 0n; // inherited from the caller, as all limits
  private readonly process: CallingProcess;
  output: Output | null = null;
  private ownStreams: Streams | null = null;
  /** The agent's program, by its number in the caller; -1 until it is there. */
  private image = -1;
  private readonly begin: () => MailboxFile;
  private file: MailboxFile | null = null;
  /** Ended children whose status nobody wants. */
  private readonly forgotten: number[] = [];
  private waiting: StepResult | null = null;
  /** Whether it has been told how to end. */
  private isTold = false;
  /** Whether it has died, or doesn't answer. */
  private isLost = false;

  /** `begin` gives a mailbox file which an agent in the process serves from its first mailbox on: when it is needed. */
  constructor(begin: () => MailboxFile, process: CallingProcess) {
    const { pid, env } = process;
    this.process = process;
    this.env = env;
    this.begin = begin;
    this.pid = pid;
    this.proc = `/proc/${pid}`;
  }

  /** Whether there is an agent in the process. */
  get hasAgent(): boolean {
    return this.file !== null;
  }

  private get boxes(): MailboxFile {
    if (this.file !== null) return this.file;
    const file = this.begin();
    file.stage.program.move(file.init.agentAddress);
    file.stage.post();
    this.file = file;
    return file;
  }

  /** The mailbox of the agent in the caller. */
  private get own(): Mailbox {
    return this.boxes.init;
  }

  /** That of its children until they execute their program. */
  private get child(): Mailbox {
    return this.boxes.stage;
  }

  namespace(file: string): string {
    return this.process.namespace(file);
  }

  get uid(): number {
    return idIn(this.process.status, "Uid");
  }

  get gid(): number {
    return idIn(this.process.status, "Gid");
  }

  get umask(): number {
    return Number.parseInt(statusField(this.process.status, "Umask"), 8);
  }

  /** Signals that the caller ignores, and that its children would ignore too. */
  private get ignored(): readonly number[] {
    return signalsIn(statusField(this.process.status, "SigIgn"));
  }

  get streams(): Streams {
    this.ownStreams ??= this.fetchStreams();
    return withOutput(this.ownStreams, this.output);
  }

  private fetchStreams(): Streams {
    this.allowTracing((tsrun) => this.run((program) => program.add(prctl(PR_SET_PTRACER, tsrun))));
    using opened = new Opened();
    const [input = -1, output = -1, errors = -1] = STREAMS.map((stream) => {
      const fd = here(pidfdGetfd(this.process.pidfd, stream));
      opened.defer(() => here(close(fd)));
      return fd;
    });
    opened.move();
    return [input, output, errors];
  }

  /** Where that needs to be allowed. */
  private allowTracing(allow: (tsrun: number) => void): void {
    hasYama ??= statusIfThere("/proc/sys/kernel/yama") !== null;
    if (hasYama) allow(here(getpid()));
  }

  pass(descriptors: readonly number[]): readonly number[] {
    if (this.image >= 0) return this.passAll(descriptors);
    const [own = -1, ...others] = this.passAll([keptImage(), ...descriptors]);
    this.image = own;
    return others;
  }

  private passAll(descriptors: readonly number[]): readonly number[] {
    this.allowTracing(() => here(prctl(PR_SET_PTRACER, this.pid)));
    const taken = this.run((program) => {
      const tsrun = program.add(pidfdOpen(here(getpid())));
      const copies = descriptors.map((fd) => program.add(pidfdGetfd(tsrun, fd)));
      for (const copy of copies) program.add(fcntl(copy, F_SETFD, 0));
      program.add(close(tsrun));
      return copies;
    });
    return taken.map((copy) => this.own.result(copy));
  }

  start(mailbox: number): number {
    const { own, child } = this;
    if (this.image < 0) this.pass([]);
    const path = `/proc/self/fd/${this.image}`;
    child.renew();
    const { program } = child;
    program.by("stage process").add(rtSigprocmask(new Uint8Array(SIGSET_SIZE)));
    for (const signal of this.ignored) program.add(rtSigaction(signal));
    const executed = program.add(execve(path, ["tsrun-agent", String(mailbox)], []));
    child.post();
    const made = this.run((steps) => steps.clone(cloneArgs(0, SIGNALS.SIGCHLD, 0), child.agentAddress));
    const pid = pidIn(own.result(made));
    const patience = new Patience(pid);
    const outcome = child.outcomeBlocking(() => patience.lasts());
    if (outcome.kind !== "failed" && !patience.isOver) return pid;
    const { errno } = child;
    this.endAtOnce(pid);
    if (patience.isOver) throw this.lost();
    throw new SyscallError(program.steps[executed.step]?.call ?? { name: "execve", args: [path] }, errno);
  }

  /** Only when the caller exits: until then its pid stays its own. */
  forget(pid: number): void {
    this.forgotten.push(pid);
  }

  /** Of a caller that is lost nobody gets the status any more: it is that of a child that was killed, as its are. */
  reap(pid: number, wait: boolean): number | null {
    if (this.isLost) return SIGKILL;
    const ended = this.run((program) => program.add(wait4(pid, { room: 4 }, wait ? 0 : WNOHANG)));
    if (this.own.result(ended) === 0) return null;
    const status = this.own.filled(ended);
    return new DataView(status.buffer, status.byteOffset).getInt32(0, true);
  }

  isRunning(pid: number): boolean {
    const info = processInfo(pid);
    return info !== null && info.state !== "Z" && info.state !== "X";
  }

  async end(pid: number, most = DEATH_PATIENCE): Promise<void> {
    if (!this.isLost) this.run((program) => program.add(kill(pid, SIGKILL), [ERRNO.ESRCH]));
    else if (processInfo(pid)?.parent === this.pid) attempt(kill(pid, SIGKILL)); // nobody else's, as long as it lives
    const patience = this.isLost ? ORPHAN_PATIENCE : most;
    if ((await until(() => !this.isRunning(pid), patience)) && !this.isLost) this.endAtOnce(pid);
  }

  private endAtOnce(pid: number): void {
    this.run((program) => {
      program.whenOk(kill(pid, SIGKILL), [ERRNO.ESRCH], () =>
        program.add(wait4(pid, { room: 4 }, 0), [ERRNO.ECHILD]),
      );
    });
  }

  /**
   * Has the agent in the caller run what is added, steps that take no time; the thread stands still meanwhile.
   * @throws SyscallError, UserError when the caller has ended
   */
  private run<T>(add: (program: Program) => T): T {
    if (this.isLost) throw this.lost();
    const { own } = this;
    own.clear(); // it serves as long as the caller lives
    const added = add(own.program.by("caller"));
    own.post();
    const patience = new Patience(this.pid);
    const outcome = own.outcomeBlocking(() => patience.lasts());
    if (outcome.kind === "gone") throw this.lost();
    if (outcome.kind === "done") return added;
    throw own.failure(outcome.step);
  }

  /** Nothing is asked of it from now on: it may be anywhere in what it was asked. The error to throw. */
  private lost(): UserError {
    this.isLost = true;
    return new UserError("caller", "has ended, or was stopped, before the command was done");
  }

  /**
   * Has the caller wait for a child, which gets the signals of this set meanwhile (a sigset_t, with SIGCHLD), and then
   * write a byte to a descriptor of its own. After that `waited` tells the child's status.
   */
  waitFor(pid: number, signals: Uint8Array, bell: number): void {
    const { own } = this;
    own.clear();
    this.waiting = own.program.by("caller").add(foreground(pid, signalBits(signals), false));
    own.program.add(sendto(bell, new Uint8Array(1), MSG_NOSIGNAL));
    own.post();
  }

  /** The status (wait(2)) of the child that was waited for. @throws SyscallError, UserError when the caller has ended */
  async waited(): Promise<number> {
    const { own, waiting } = this;
    const outcome = await own.outcome(() => this.isRunning(this.pid)); // the byte comes before the agent rests
    if (outcome.kind === "failed") throw own.failure(outcome.step);
    if (outcome.kind === "gone" || waiting === null)
      throw new UserError("caller", "has ended before the command was done");
    return own.result(waiting);
  }

  /** Has the caller print, and exit. Doesn't wait for that: a reader may be slow. */
  exit(status: number, printed: readonly Printed[]): void {
    this.last(printed, (program) => program.add(exitGroup(status)));
  }

  /** The same, with a child in its foreground first, as whose status it exits. */
  exitWith(pid: number, signals: Uint8Array, printed: readonly Printed[]): void {
    this.last(printed, (program) => program.add(foreground(pid, signalBits(signals), true)));
  }

  private last(printed: readonly Printed[], add: (program: Program) => void): void {
    if (this.isLost) return; // it ends by itself when tsrun lets go of it
    const { own } = this;
    own.clear();
    const program = own.program.by("caller");
    for (const pid of this.forgotten) program.add(wait4(pid, { room: 4 }, 0), "all");
    for (const { stream, text } of printed) program.add(write(stream, encoder.encode(text)), "all");
    add(program);
    own.post();
    this.isTold = true;
  }

  [Symbol.dispose](): void {
    if (!this.isTold) this.file?.playDead(); // it must not wait for ever
    this.file?.[Symbol.dispose]();
    for (const stream of this.ownStreams ?? []) if (stream >= 0) here(close(stream));
  }
}

const encoder = new TextEncoder();

const signalBits = (set: Uint8Array) => new DataView(set.buffer, set.byteOffset).getBigUint64(0, true);
