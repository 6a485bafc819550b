import type { Call, StepResult } from "../kernel/call.ts";
import { clone3 } from "../kernel/calls.ts";
import { ERRNO, type ErrnoName } from "../kernel/errno.ts";

/** What errnos mean, for the person who wrote the config. */
export type Hints = { readonly [errno in ErrnoName]?: string };

const NO_HINTS: Hints = {};

/** One step as data: a call, who wants it, and which failures do not end the program. */
export interface Step {
  readonly call: Call;
  /** Who wants it, in the user's words: `mounts[3] (proc on /proc)`. */
  readonly owner: string;
  readonly tolerate: readonly number[] | "all";
  /** What its errnos mean here, instead of the usual hints. */
  readonly hints: Hints;
  /** Steps after this one that are left out when it succeeds, or fails with a tolerated errno. */
  skipOnSuccess: number;
  skipOnError: number;
  /** For clone and move steps: address of the mailbox that the child, or the agent, serves next. */
  readonly nextMailbox?: number;
  /** What the agent performs in place of `call`, for a fault on purpose (src/container/faults). */
  readonly instead?: Call;
}

/** Changes a step that is about to be added, and may add others to the program before it. */
type Alter = (step: Step, program: Program) => Step;

/** The results of an agent's steps. */
export interface Results {
  /** What the system call returned, or the negative errno; 0 for a step that was left out. */
  result(step: StepResult): number;
  /** What the kernel wrote into the room of a step's call. */
  filled(step: StepResult): Uint8Array;
}

/** A condition on what an earlier step returned: succeeds if that was `result`, and fails with EAGAIN if not. */
export const returned = (step: StepResult, result: number): Call => ({
  name: "compare",
  args: [step, 0, result, -ERRNO.EAGAIN],
});

/** A condition on a word of the agent's memory, of 32 bits. */
export const wordIs = (address: number, value: number): Call => ({
  name: "compare",
  args: [0, address, value, -ERRNO.EAGAIN],
});

/** What fails with this errno, whatever the kernel would say. */
export const failing = (errno: number): Call => ({ name: "compare", args: [0, 0, 1, -errno] });

/**
 * A list of system calls for an agent: pure data, so that "this config gives this program" can be tested.
 * Steps may use results of earlier ones, tolerate errnos, and skip forward; there are no loops.
 * An agent executes it in parts: what was added since the last post.
 */
export class Program {
  readonly steps: Step[] = [];
  private owner = "";
  private checks: ((results: Results) => void)[] = [];
  /** Called when the steps so far may run. Set once there is an agent to run them. */
  onReady: () => void = () => {};
  /** Set only where faults are made on purpose. */
  alter: Alter | null = null;

  /** Names who wants the steps that follow. */
  by(owner: string): this {
    this.owner = owner;
    return this;
  }

  /** Who wants the steps that are added now. */
  get wantedBy(): string {
    return this.owner;
  }

  /** Says that what was added so far is complete in itself and may run while the rest is being built. */
  ready(): void {
    this.onReady();
  }

  /** Adds a call. An errno in `tolerate` (at most three, or all) does not end the program. */
  add(call: Call, tolerate: readonly number[] | "all" = [], hints = NO_HINTS): StepResult {
    return this.push({ call, owner: this.owner, tolerate, hints, skipOnSuccess: 0, skipOnError: 0 });
  }

  /** Adds a call; the steps that `then` adds run only when it succeeds, not after a tolerated errno. */
  whenOk(call: Call, tolerate: readonly number[] | "all", then: (result: StepResult) => void): StepResult {
    const result = this.add(call, tolerate);
    then(result);
    this.last(result).skipOnError = this.steps.length - 1 - result.step;
    return result;
  }

  /** Adds a call; the steps that `otherwise` adds run only when it fails with a tolerated errno. */
  orElse(call: Call, tolerate: readonly number[] | "all", otherwise: () => void): StepResult {
    const result = this.add(call, tolerate);
    otherwise();
    this.last(result).skipOnSuccess = this.steps.length - 1 - result.step;
    return result;
  }

  /** Adds clone3(2): the child goes on as an agent that serves the mailbox at this address. */
  clone(args: Uint8Array, childMailbox: number): StepResult {
    return this.redirect(clone3(args), childMailbox);
  }

  /** Adds the agent's move to another mailbox; it must be the last step of a post. */
  move(mailbox: number): void {
    this.redirect({ name: "move", args: [] }, mailbox);
  }

  /** Adds a check of results, made once the steps so far have run: it throws if they found what must not be. */
  afterwards(check: (results: Results) => void): void {
    this.checks.push(check);
  }

  /** Makes those checks. The caller has waited for all steps. */
  check(results: Results): void {
    const { checks } = this;
    this.checks = [];
    for (const check of checks) check(results);
  }

  /** Forgets all steps. */
  clear(): void {
    this.steps.length = 0;
    this.checks = [];
  }

  private redirect(call: Call, nextMailbox: number): StepResult {
    const { owner } = this;
    const step = { call, owner, tolerate: [], hints: NO_HINTS, skipOnSuccess: 0, skipOnError: 0 };
    return this.push({ ...step, nextMailbox });
  }

  private push(step: Step): StepResult {
    this.steps.push(this.alter === null ? step : this.alter(step, this));
    return { step: this.steps.length - 1 };
  }

  private last(result: StepResult): Step {
    const step = this.steps[result.step];
    if (step === undefined) throw new Error(`no step ${result.step}`);
    return step;
  }
}
