/** How long the thread may go on without looking at signals, in milliseconds. */
const TURN = 50;

/** For work that never waits: it would keep the handlers of signals from running. */
export class Turns {
  private last = 0;

  /** Lets them run, now and then. */
  async pass(): Promise<void> {
    const now = Bun.nanoseconds() / 1e6;
    if (now - this.last < TURN) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.last = now;
  }
}
