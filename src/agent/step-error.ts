import { SyscallError } from "../kernel/call.ts";
import { errnoName } from "../kernel/errno.ts";
import { hintFor } from "./hints.ts";
import type { Step } from "./program.ts";

/** A step that failed: its place is the property that wanted it. */
export class StepError extends SyscallError {
  private readonly step: Step;

  /** `known` is what else is known about the failure: the end of the message. */
  constructor(step: Step, errno: number, known = usualCause(step, errno)) {
    super(step.call, errno, step.owner, known);
    this.step = step;
  }

  /** The same, with a cause that is known only where it is caught. */
  because(why: string): StepError {
    return new StepError(this.step, this.errno, `${this.known}; ${why}`);
  }

  /** The same, with the kernel's own message, if there is one. */
  quote(words: string): StepError {
    return words === "" ? this : this.because(`the kernel says: ${words}`);
  }
}

function usualCause(step: Step, errno: number): string {
  const hint = hintFor(step, errnoName(errno));
  return hint === "" ? "" : `; ${hint}`;
}
