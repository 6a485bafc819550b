const STEP_MS = 5;

/** A timer of 5 ms, and how late it was. */
export class Ticks implements Disposable {
  private last = performance.now();
  private longest = 0;
  private readonly timer = setInterval(() => this.tick(), STEP_MS);

  /** For how many milliseconds at most the event loop has stood still. */
  get longestGap(): number {
    this.tick();
    return this.longest;
  }

  private tick(): void {
    const now = performance.now();
    this.longest = Math.max(this.longest, now - this.last);
    this.last = now;
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }
}
