/**
 * A throw-away process on which things are tried: an agent (see src/agent) that makes one system call after another, as
 * tsrun asks for them, and is killed in the end. What it changed of itself, namespaces and mounts included, goes with it.
 */
import { dieWithTsrun } from "../agent/life.ts";
import type { Mailbox } from "../agent/mailbox.ts";
import { type Call, SyscallError } from "../kernel/call.ts";
import { read } from "../kernel/calls.ts";
import { CLONE_INTO_CGROUP, CLONE_PARENT, SIGSYS } from "../kernel/constants.ts";
import { cloneArgs, waitStatus } from "../kernel/structs.ts";
import { OWN } from "./own.ts";
import { Forbidden, Missing } from "./verdict.ts";

/** A call that has not returned by then never will. */
const PATIENCE_MS = 2000;

const decoder = new TextDecoder();

/** Whom a process belongs to: a trial. */
interface Owner {
  /** Makes one more process, by `make`, which serves a mailbox of its own. */
  adopt(make: (mailbox: Mailbox) => number): Subject;
  /** Takes the status that wait4(2) gives of a process which has ended, or will. */
  status(pid: number): number;
}

/** A process that makes system calls as it is told. */
export class Subject {
  readonly pid: number;
  private readonly trial: Owner;
  private readonly mailbox: Mailbox;

  constructor(trial: Owner, mailbox: Mailbox, pid: number) {
    this.trial = trial;
    this.mailbox = mailbox;
    this.pid = pid;
  }

  /** Makes a call; returns its result, or the negative errno. @throws Missing, Forbidden when it does not return */
  attempt(call: Call): number {
    return this.result(this.post(call));
  }

  /** Makes a call and returns its result. @throws SyscallError */
  do(call: Call): number {
    const result = this.attempt(call);
    if (result < 0) throw new SyscallError(call, -result);
    return result;
  }

  /** Makes a call one of whose arguments is a room; returns what the kernel put there. @throws SyscallError */
  ask(call: Call): Uint8Array {
    const step = this.post(call);
    const result = this.result(step);
    if (result < 0) throw new SyscallError(call, -result);
    return this.mailbox.filled(step);
  }

  /** The text that a descriptor gives by one read(2). @throws SyscallError */
  read(fd: number): string {
    const text = decoder.decode(this.ask(read(fd, { room: 512 })));
    return text.slice(0, text.indexOf("\0"));
  }

  /** Begins a call without waiting for its end; `result` does. */
  post(call: Call): { readonly step: number } {
    const step = this.mailbox.program.add(call, "all");
    this.mailbox.post();
    return step;
  }

  /** The result of a posted call, or the negative errno. @throws Missing, Forbidden when it does not return */
  result(step: { readonly step: number }): number {
    if (this.wait() === "gone") throw this.death(step);
    return this.mailbox.result(step);
  }

  /** Why a process is gone that made this step. */
  private death({ step }: { readonly step: number }): Missing | Forbidden {
    const name = this.mailbox.program.steps[step]?.call.name ?? "it";
    if (waitStatus(this.trial.status(this.pid)).signal !== SIGSYS)
      return new Missing(`${name}: the process was killed`);
    return new Forbidden(`${name}: a seccomp filter kills who calls it (SIGSYS)`);
  }

  /** Makes a call that ends the process; returns the number of the signal that did. @throws Missing when it goes on */
  end(call: Call): number {
    this.post(call);
    if (this.wait() !== "gone") throw new Missing(`${call.name} did not end the process`);
    return waitStatus(this.trial.status(this.pid)).signal;
  }

  /** Clones a child that serves a mailbox of its own. @throws SyscallError */
  child(flags: number, cgroup?: number): Subject {
    const into = cgroup === undefined ? 0 : CLONE_INTO_CGROUP;
    return this.trial.adopt((mailbox) => {
      const args = cloneArgs(flags + CLONE_PARENT + into, 0, cgroup ?? 0);
      const clone = this.mailbox.program.clone(args, mailbox.agentAddress);
      this.mailbox.post();
      const outcome = this.wait();
      if (outcome === "gone") throw this.death(clone);
      if (outcome === "done") return this.mailbox.result(clone);
      const { errno } = this.mailbox;
      this.mailbox.goOn(clone.step + 1);
      throw new SyscallError({ name: "clone3", args: [] }, errno);
    });
  }

  /**
   * Makes calls that change what the process may do. The kernel takes back that it ends when tsrun is killed
   * (prctl(2), PR_SET_PDEATHSIG); so that comes again before anything else can happen. @throws SyscallError
   */
  changeRights(...calls: readonly Call[]): void {
    const { program } = this.mailbox;
    const steps = calls.map((call) => ({ call, step: program.add(call, "all") }));
    dieWithTsrun(program);
    this.mailbox.post();
    for (const { call, step } of steps) {
      const result = this.result(step);
      if (result < 0) throw new SyscallError(call, -result);
    }
  }

  /** Puts bytes where the process can read them; returns their address there. */
  place(bytes: Uint8Array): number {
    return this.mailbox.place(bytes);
  }

  private wait() {
    const deadline = performance.now() + PATIENCE_MS;
    const alive = () => {
      if (performance.now() > deadline) throw new Missing(`did not return within ${PATIENCE_MS / 1000} s`);
      return OWN.isRunning(this.pid);
    };
    return this.mailbox.outcomeBlocking(alive).kind;
  }
}
