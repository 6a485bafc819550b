/** What is measured, and in which unit. */
export const MEASURES = {
  run: "ms",
  peak: "kB",
  create: "ms",
  start: "ms",
  kill: "ms",
  delete: "ms",
  life: "ms",
  containerdLife: "ms",
  state: "ms",
  list: "ms",
  version: "ms",
  empty: "ms",
  parked: "kB",
  exec: "ms",
  probes: "ms",
  crowd: "ms",
  server: "kB",
  serverFiles: "kB",
  containerd: "ms",
  seccomp: "ms",
  seccompCold: "ms",
  userNamespace: "ms",
  many: "ms",
  cold: "ms",
} as const satisfies Record<string, "ms" | "kB">;

export type Measure = keyof typeof MEASURES;

/** Whom it is measured of. `spawn` is a C program that does nothing, `empty` a Bun binary that does nothing,
 * `library` tsrun in a process that has done it before, `old` another tsrun. */
export type Contender = "spawn" | "empty" | "floor" | "warm" | "tsrun" | "library" | "old" | "crun" | "runc";

export interface Statistics {
  readonly count: number;
  readonly min: number;
  readonly p10: number;
  readonly median: number;
  readonly p90: number;
}

/** Every value that was measured. */
export class Samples {
  readonly #values = new Map<string, number[]>();

  add(measure: Measure, contender: Contender, value: number): void {
    const key = `${measure} ${contender}`;
    const values = this.#values.get(key);
    if (values === undefined) this.#values.set(key, [value]);
    else values.push(value);
  }

  /** Statistics of what was measured; null when nothing was. */
  of(measure: Measure, contender: Contender): Statistics | null {
    const values = this.#values.get(`${measure} ${contender}`);
    return values === undefined ? null : statistics(values);
  }
}

/** @throws RangeError without values */
function statistics(values: readonly number[]): Statistics {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    min: quantile(sorted, 0),
    p10: quantile(sorted, 0.1),
    median: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
  };
}

/** The value below which the share `part` of sorted values lies, between two of them in proportion. */
function quantile(sorted: readonly number[], part: number): number {
  const place = (sorted.length - 1) * part;
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  if (below === undefined || above === undefined) throw new RangeError("there are no values");
  return below + (above - below) * (place % 1);
}
