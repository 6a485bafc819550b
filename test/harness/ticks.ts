import * as assert from "uvu/assert";
import { slowness } from "./slowness.ts";

const STEP_MS = 5;
/** How late nine of ten ticks may be, and the last one; a busy machine makes some late that this process doesn't. */
const USUAL_MS = 50 * slowness;
const MOST_MS = 2000 * slowness;

/** A timer of 5 ms, which tells whether the event loop goes on. */
export class Ticks implements Disposable {
  private last = performance.now();
  private readonly gaps: number[] = [];
  private readonly timer = setInterval(() => this.tick(), STEP_MS);

  /** Throws when the event loop has stood still. */
  requireRegular(): void {
    this.tick();
    const gaps = this.gaps.toSorted((one, other) => one - other);
    const usual = gaps[Math.floor(gaps.length * 0.9)] ?? 0;
    const longest = gaps[gaps.length - 1] ?? 0;
    const words = `the event loop stood still for ${longest} ms, of ten times once for ${usual} ms`;
    assert.ok(usual < USUAL_MS && longest < MOST_MS, words);
  }

  private tick(): void {
    const now = performance.now();
    this.gaps.push(now - this.last);
    this.last = now;
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }
}
