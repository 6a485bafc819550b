/**
 * What a command has made so far, undone in reverse order unless it is kept. Every step that makes something
 * registers its removal here at once, so that a failure at any point leaves nothing behind.
 */
export class Undo implements Disposable {
  private steps: (() => void)[] = [];
  private failures = 0;
  private readonly last: (() => void)[] = [];

  add(step: () => void): void {
    this.steps.push(step);
  }

  /** Removes what tells of the rest, unless something of that could not be removed: `delete --force` needs it then. */
  addRecord(removal: () => void): void {
    this.steps.push(() => {
      if (this.failures === 0) removal();
    });
  }

  /** Something to do at the end, whether all went well or not. */
  always(step: () => void): void {
    this.last.push(step);
  }

  /** All went well: nothing is undone. */
  keep(): void {
    this.steps = [];
  }

  [Symbol.dispose](): void {
    for (const step of this.steps.reverse()) {
      try {
        step();
      } catch {
        this.failures += 1;
        // The error that made us undo is the one to report; what could not be removed, `delete --force` will.
      }
    }
    this.steps = [];
    for (const step of this.last) step();
  }
}
