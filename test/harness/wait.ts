import { slowness } from "./slowness.ts";

const PATIENCE_MS = 5000 * slowness;
/** A look may cost a process, and where all is slow so many looks would keep what is waited for from happening. */
const STEP_MS = 10 * slowness;

/** Waits until `condition` holds; throws, naming `what` was waited for, when it doesn't within 5 s or, where all is slow, longer. */
export async function waitUntil(condition: () => boolean, what: string): Promise<void> {
  for (let waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
    if (condition()) return;
    await Bun.sleep(STEP_MS);
  }
  if (!condition()) throw new Error(`waited ${PATIENCE_MS / 1000} s in vain until ${what}`);
}

/** Waits for what comes within microseconds, without a pause in which something else could happen first. */
export function spinUntil(condition: () => boolean): void {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) if (performance.now() > deadline) throw new Error("waited in vain");
}
