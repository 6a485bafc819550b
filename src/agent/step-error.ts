import { SyscallError } from "../kernel/call.ts";
import { errnoName } from "../kernel/errno.ts";
import { hintFor } from "./hints.ts";
import type { Step } from "./program.ts";

/** A step that failed, with the owner's words. */
export class StepError extends SyscallError {
  readonly owner: string;

  constructor(step: Step, errno: number) {
    super(step.call, errno);
    this.owner = step.owner;
    const hint = hintFor(step, errnoName(errno));
    const owner = step.owner === "" ? "" : `${step.owner}: `;
    this.message = `${owner}${this.message}${hint === "" ? "" : `; ${hint}`}`;
  }

  /** Adds what is behind it, as far as that is known where it is caught. */
  because(why: string): this {
    this.message += `; ${why}`;
    return this;
  }

  /** Adds what the kernel says of it besides the errno, when it says something. */
  quote(words: string): this {
    if (words !== "") this.message += `; the kernel says: ${words}`;
    return this;
  }
}
