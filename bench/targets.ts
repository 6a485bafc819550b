import type { Contender, Measure, Samples } from "./samples.ts";

/** A promise about tsrun's speed or size, and whether it is kept here. */
export interface Verdict {
  readonly target: string;
  readonly limit: string;
  /** What was measured, in the limit's words; null when something was not measured. */
  readonly actual: string | null;
  readonly met: boolean | null;
}

const TIMES_RUNC = 0.5;
const TIMES_CRUN = 1.4;
const PARKED_KILOBYTES = 64;
const ABOVE_EMPTY_MS = 2.5;
const LIGHT = { state: "state", list: "list", version: "--version" } as const;

/** Judges the medians. */
export function judge(samples: Samples): readonly Verdict[] {
  const median = (measure: Measure, contender: Contender) => samples.of(measure, contender)?.median ?? null;
  const spellTimes = (value: number) => `${value.toFixed(2)} ×`;
  const times = (what: string, own: Measure, measure: Measure, peer: "runc" | "crun", limit: number) =>
    verdict(
      `${what} against ${peer}`,
      quotient(median(own, "tsrun"), median(measure, peer)),
      limit,
      spellTimes,
    );
  return [
    times("run", "run", "run", "runc", TIMES_RUNC),
    times("run", "run", "run", "crun", TIMES_CRUN),
    times("run with containerd's seccomp profile", "seccomp", "seccomp", "runc", TIMES_RUNC),
    times("run with containerd's seccomp profile", "seccomp", "seccomp", "crun", TIMES_CRUN),
    times("the same, profile not compiled before,", "seccompCold", "seccomp", "runc", 1),
    verdict(
      "memory between create and start",
      median("parked", "tsrun"),
      PARKED_KILOBYTES,
      (kB) => `${kB} kB`,
    ),
    ...(["state", "list", "version"] as const).map((command) =>
      verdict(
        `${LIGHT[command]} above an empty Bun binary`,
        difference(median(command, "tsrun"), median("empty", "empty")),
        ABOVE_EMPTY_MS,
        (ms) => `${ms.toFixed(2)} ms`,
      ),
    ),
  ];
}

function verdict(
  target: string,
  actual: number | null,
  limit: number,
  spell: (value: number) => string,
): Verdict {
  return {
    target,
    limit: `≤ ${spell(limit)}`,
    actual: actual === null ? null : spell(actual),
    met: actual === null ? null : actual <= limit,
  };
}

/** null when one of the two is. */
export function quotient(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a / b;
}

/** null when one of the two is. */
export function difference(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b;
}
