/**
 * Makes faults on purpose: a step of an agent, or a call of tsrun's own, is replaced by what fails in the same way, so
 * all that comes after it is what comes after the real failure. Loaded only for `--fault` and its annotation.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { follow, type MailboxFile } from "../../agent/mailbox-file.ts";
import { failing, type Program, type Step } from "../../agent/program.ts";
import type { Call } from "../../kernel/call.ts";
import { exitGroup, getpid, kill, ppoll } from "../../kernel/calls.ts";
import { actsFor, watch } from "../../kernel/here.ts";
import { SIGNALS } from "../../kernel/signals.ts";
import { EXIT } from "../../kernel/user-error.ts";
import { type Fault, isCall, isFor, type Role } from "./fault.ts";

const faulty = new AsyncLocalStorage<Faults>();

/** Does something in which these faults happen. `unused` is told those that no step was for, unless it fails. */
export async function withFaults<T>(
  faults: readonly Fault[],
  unused: (fault: Fault) => void,
  act: () => Promise<T>,
): Promise<T> {
  const now = new Faults(faults);
  const outer = watch((call, kernel) => {
    const perform = outer === null ? kernel : (one: Call) => outer(one, kernel);
    const faults = faulty.getStore();
    return faults === undefined ? perform(call) : faults.perform(call, perform);
  });
  const unfollow = follow((boxes) => void faulty.getStore()?.follow(boxes));
  try {
    const result = await faulty.run(now, act);
    for (const fault of now.unused()) unused(fault);
    return result;
  } finally {
    watch(outer);
    unfollow();
  }
}

class Faults {
  private readonly faults: readonly Fault[];
  private readonly used = new Set<Fault>();
  /** How many calls tsrun has made. */
  private calls = 0;
  private isFirstAgent = true;

  constructor(faults: readonly Fault[]) {
    this.faults = faults;
  }

  unused(): readonly Fault[] {
    return this.faults.filter((fault) => !this.used.has(fault));
  }

  /** A call of tsrun's own. */
  perform(call: Call, kernel: (call: Call) => number): number {
    const fault = this.wanted(call, actsFor(), "tsrun", this.calls++);
    if (fault === null) return kernel(call);
    const { what } = fault;
    if (what.kind === "errno") return -what.errno;
    if (what.kind === "kill") return kernel(kill(kernel(getpid()), SIGNALS.SIGKILL));
    kernel(ppoll(new Uint8Array(0), what.time));
    return kernel(call);
  }

  /** Has faults happen in an agent's programs. Steps of the first agent, the container's, have numbers. */
  follow({ stage, init, parked, host }: MailboxFile): void {
    const numbered = this.isFirstAgent;
    this.isFirstAgent = false;
    const counted = (role: Role) => {
      let count = 0;
      return (step: Step, program: Program) => this.altered(step, program, role, numbered ? count++ : -1);
    };
    stage.program.alter = counted("stage");
    init.program.alter = counted("init");
    parked.program.alter = (step, program) => this.altered(step, program, "init", -1);
    if (host !== null) host.program.alter = counted("host");
  }

  private altered(step: Step, program: Program, role: Role, number: number): Step {
    const fault = this.wanted(step.call, step.owner, role, number);
    if (fault === null) return step;
    const { what } = fault;
    if (what.kind === "errno") return { ...step, instead: failing(what.errno) };
    const add = (call: Call) => {
      const { owner, hints } = step;
      program.steps.push({ call, owner, hints, tolerate: "all", skipOnSuccess: 0, skipOnError: 0 });
      return { step: program.steps.length - 1 };
    };
    if (what.kind === "delay") {
      add(ppoll(new Uint8Array(0), what.time));
      return step;
    }
    // The init of a PID namespace can't kill itself: it ends with the status that callers know from those who were.
    const own = add(getpid());
    add({ name: "kill", args: [own, SIGNALS.SIGKILL] });
    return { ...step, instead: exitGroup(EXIT.bySignal + SIGNALS.SIGKILL) };
  }

  /** The fault for a call, if there is one. A property fails as a whole; it is delayed, or killed, once. */
  private wanted({ name }: Call, owner: string, role: Role, number: number): Fault | null {
    if (!isCall(name)) return null; // an agent's own steps can't fail
    for (const fault of this.faults) {
      const { where, call, what } = fault;
      if (call !== null && call !== name) continue;
      if (
        where.kind === "number" ? where.role !== role || where.number !== number : !isFor(owner, where.name)
      )
        continue;
      if (what.kind !== "errno" && this.used.has(fault)) continue;
      this.used.add(fault);
      return fault;
    }
    return null;
  }
}
