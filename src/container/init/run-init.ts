import type { Caller } from "../../agent/caller.ts";
import type { Failed, Mailbox, Outcome } from "../../agent/mailbox.ts";
import type { StepError } from "../../agent/step-error.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { UserError } from "../../kernel/user-error.ts";
import { MOST_TRIES } from "../../linux/inside.ts";
import { askKernel } from "./kernel-words.ts";

/** Runs what was added to the init's program since the last post. @throws UserError when the init died */
export function runInit(caller: Caller, init: Mailbox, pid: number): Promise<void> {
  init.post();
  return finishInit(caller, init, pid);
}

/** Waits for a posted program of the init, and checks what it found. @throws UserError too */
export async function finishInit(caller: Caller, init: Mailbox, pid: number): Promise<void> {
  const alive = () => caller.isRunning(pid);
  let outcome = await init.outcome(alive);
  for (let tries = 0; goesOn(init, outcome, tries); tries++) outcome = await init.outcome(alive);
  if (outcome.kind === "failed") {
    const failure = failureOf(init, outcome);
    await init.outcome(alive);
    throw failure();
  }
  check(init, outcome);
}

/** `runInit`, blocking the thread. */
export function runInitBlocking(caller: Caller, init: Mailbox, pid: number): void {
  init.post();
  const alive = () => caller.isRunning(pid);
  let outcome = init.outcomeBlocking(alive);
  for (let tries = 0; goesOn(init, outcome, tries); tries++) outcome = init.outcomeBlocking(alive);
  if (outcome.kind === "failed") {
    const failure = failureOf(init, outcome);
    init.outcomeBlocking(alive);
    throw failure();
  }
  check(init, outcome);
}

/** Lets an init go on whose openat2(2) was raced. */
function goesOn(init: Mailbox, outcome: Outcome, tries: number): boolean {
  if (tries >= MOST_TRIES || !wasRaced(init, outcome)) return false;
  init.goOn(outcome.step);
  return true;
}

/** Has the init ask the kernel for more about a failure. Returns what gives the error, once it has been waited for. */
function failureOf(init: Mailbox, { step }: Failed): () => StepError {
  const failure = init.failure(step);
  const words = askKernel(init, step);
  return () => failure.quote(words());
}

function check(init: Mailbox, { kind }: Outcome): void {
  if (kind === "gone")
    throw new UserError(
      "the process was killed while it was being set up: by the OOM killer (is the memory limit too small?) or by a signal",
    );
  init.program.check(init);
}

/** Whether openat2(2) gave up on a path (see MOST_TRIES). */
function wasRaced(init: Mailbox, outcome: Outcome): outcome is Failed {
  if (outcome.kind !== "failed" || init.errno !== ERRNO.EAGAIN) return false;
  return init.program.steps[outcome.step]?.call.name === "openat2";
}
