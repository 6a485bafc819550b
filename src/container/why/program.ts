/**
 * The steps of a container's init, as `--dry-run` would print them: they are known by name only in the memory of the
 * tsrun that makes the container. Another tsrun rehearses it, since reading what the config names may never end either.
 */
import type { CgroupDriver } from "../cgroup/driver.ts";
import { type Deed, propertyOf } from "../listing/listing.ts";

/** A step, and the property that wants it. */
export interface Known {
  /** `$143 openat2($11, "data/x", …)` without the number. */
  readonly text: string;
  readonly owner: string;
}

/** The rehearsed steps of each agent, by their numbers. */
export type Rehearsed = Readonly<Record<string, readonly Known[]>>;

/** How long a rehearsal may take, in milliseconds; it takes 50. */
const PATIENCE = 3000;

/** Calls this tsrun with `__steps`; null when it fails, or doesn't end. */
export async function rehearsed(words: readonly string[]): Promise<Rehearsed | null> {
  const child = Bun.spawn(["/proc/self/exe", ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  child.unref();
  const text = Bun.readableStreamToText(child.stdout);
  const late = Bun.sleep(PATIENCE).then(() => null);
  const ended = await Promise.race([child.exited, late]);
  if (ended === null) child.kill("SIGKILL"); // nobody waits for it: it may not be able to end
  return ended === 0 ? stepsIn(JSON.parse(await text)) : null;
}

/** The cgroup of a container that is being created: it is there, and nothing is done to it again. */
export const OUTSIDE: Pick<CgroupDriver, "locate" | "create"> = {
  locate: () => ({ mount: "/", path: "/" }),
  create: (saved) => ({
    ...{ saved, fd: null, notes: [] },
    ...{ applyLimits() {}, remove: async () => {}, close() {} },
  }),
};

/** The steps of agents among the deeds of a rehearsal, by their numbers. */
export function stepsIn(deeds: readonly Deed[]): Rehearsed {
  const found: Record<string, Known[]> = {};
  for (const { by, owner, text: line } of deeds) {
    const [, number, text = ""] = /^\$(\d+) (.*?)(?: {2}\(.*)?$/.exec(line) ?? [];
    if (number === undefined) continue;
    const steps = found[by] ?? [];
    found[by] = steps;
    steps[Number(number)] = { text, owner: propertyOf(owner) };
  }
  return found;
}

/** How far from its number a step may be found: what a caller's streams ask for is not rehearsed. */
const TOLERANCE = 3;

/** The step with this number that makes this call; only its owner where the call is another. */
export function stepAt(steps: readonly Known[], number: number, call: string): Partial<Known> | null {
  for (let distance = 0; distance <= TOLERANCE; distance++)
    for (const index of [number + distance, number - distance]) {
      const step = steps[index];
      if (step?.text.startsWith(`${call}(`)) return step;
    }
  const step = steps[number];
  return step === undefined ? null : { owner: step.owner };
}
