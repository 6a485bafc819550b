import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_DIRECTORY, O_PATH } from "../../kernel/constants.ts";
import { here } from "../../kernel/here.ts";

/** Held for removals, which need two at once: a directory's, and its content's. */
const spareDescriptor = () => here(openat(CWD, "/", O_PATH | O_DIRECTORY));

/** Takes one thing back; what it returns is waited for. */
type Step = () => unknown;

/**
 * What a command has made so far, undone in reverse order unless it is kept. Every step that makes something
 * registers its removal here at once, so that a failure at any point leaves nothing behind. A few descriptors are held
 * for the removals, as the failure may have been that no descriptor was left.
 */
export class Undo implements AsyncDisposable {
  private spare = [spareDescriptor(), spareDescriptor()];
  private steps: Step[] = [];
  private failures = 0;
  private readonly last: Step[] = [];

  add(step: Step): void {
    this.steps.push(step);
  }

  /** Removes the record of what was made, unless something could not be removed: what removes it later needs it then. */
  addRecord(removal: Step): void {
    this.steps.push(() => (this.failures === 0 ? removal() : undefined));
  }

  /** Something to do at the end, whether all went well or not. */
  always(step: Step): void {
    this.last.push(step);
  }

  /** All went well: nothing is undone. */
  keep(): void {
    this.steps = [];
    this.releaseSpare();
  }

  private releaseSpare(): void {
    for (const fd of this.spare) here(close(fd));
    this.spare = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.releaseSpare();
    for (const step of this.steps.reverse()) {
      try {
        await step();
      } catch {
        this.failures += 1;
        // The error that made us undo is the one to report; what could not be removed, `delete --force` will.
      }
    }
    this.steps = [];
    for (const step of this.last) await step();
  }
}

/** Acts with an `Undo`, as `await using` would have it; that takes 0.05 ms at its first use. */
export async function undoing<T>(act: (undo: Undo) => Promise<T>): Promise<T> {
  const undo = new Undo();
  try {
    return await act(undo);
  } finally {
    await undo[Symbol.asyncDispose]();
  }
}
