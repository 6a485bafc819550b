import { CROWD, PROBES, SERVED } from "./load.ts";
import type { Contender, Measure, Samples } from "./samples.ts";

/** A promise about tsrun's speed or size, and whether it is kept here. */
export interface Verdict {
  readonly target: string;
  readonly limit: string;
  /** What was measured, in the limit's words; null when something was not measured. */
  readonly actual: string | null;
  readonly met: boolean | null;
}

/** How long a tsrun that is served may take, in times of a peer. */
const SERVED_TIMES: readonly { what: string; measure: Measure; crun: number; runc?: number }[] = [
  { what: "create + start + kill + delete", measure: "life", crun: 0.85, runc: 0.35 },
  {
    what: "the same with containerd's config and seccomp profile",
    ...{ measure: "containerdLife", crun: 0.8, runc: 0.3 },
  },
  { what: "exec", measure: "exec", crun: 0.85 },
  { what: "state", measure: "state", crun: 0.6 },
  { what: "list", measure: "list", crun: 0.6 },
  { what: "kill", measure: "kill", crun: 0.6 },
  { what: `processor time of ${PROBES} probes`, measure: "probes", crun: 0.6, runc: 0.25 },
  { what: "run", measure: "run", crun: 1, runc: 0.35 },
  { what: `${CROWD} containers at once, until all run`, measure: "crowd", crun: 0.9 },
  { what: "through containerd", measure: "containerd", crun: 1 },
  { what: "create + start + delete, caches dropped before", measure: "cold", crun: 1.5 },
];
const SERVER_MEGABYTES = 20;

/** The same of one that does all itself. */
const OWN_TIMES: readonly { what: string; own: Measure; measure: Measure; crun?: number; runc: number }[] = [
  { what: "run", own: "run", measure: "run", crun: 1.4, runc: 0.5 },
  {
    what: "run with containerd's config and seccomp profile",
    ...{ own: "seccomp", measure: "seccomp", crun: 1.4, runc: 0.5 },
  },
  { what: "the same, profile not compiled before", own: "seccompCold", measure: "seccomp", runc: 1 },
];
const PARKED_KILOBYTES = 64;
const ABOVE_EMPTY_MS = 2.5;
const LIGHT = { state: "state", list: "list", version: "--version" } as const;

/** What must not become slower; and how long it may take, in times of the older tsrun. */
const COMPARED = ["run", "create", "start", "kill", "delete", "exec", "state", "list"] as const;
const TIMES_OLD = 1.03;

/** Judges the medians. */
export function judge(samples: Samples): readonly Verdict[] {
  return [...judgeServed(samples), ...judgeOwn(samples), ...judgeAgainstOld(samples)];
}

function judgeServed(samples: Samples): readonly Verdict[] {
  return [
    ...SERVED_TIMES.flatMap(({ what, measure, ...peers }) =>
      timesOf(samples, `${what}, served`, [measure, "warm"], measure, peers),
    ),
    verdict(
      `memory of the server, without its binary's pages, idle after ${SERVED} containers`,
      quotient(medianOf(samples, "server", "warm"), 1024),
      SERVER_MEGABYTES,
      (megabytes) => `${megabytes.toFixed(1)} MB`,
    ),
  ];
}

function judgeOwn(samples: Samples): readonly Verdict[] {
  const above = (command: Measure) =>
    difference(medianOf(samples, command, "tsrun"), medianOf(samples, "empty", "empty"));
  return [
    ...OWN_TIMES.flatMap(({ what, own, measure, ...peers }) =>
      timesOf(samples, what, [own, "tsrun"], measure, peers),
    ),
    verdict(
      "memory between create and start",
      medianOf(samples, "parked", "tsrun"),
      PARKED_KILOBYTES,
      (kB) => `${kB} kB`,
    ),
    ...(["state", "list", "version"] as const).map((command) =>
      verdict(
        `${LIGHT[command]} above an empty Bun binary`,
        above(command),
        ABOVE_EMPTY_MS,
        (ms) => `${ms.toFixed(2)} ms`,
      ),
    ),
  ];
}

/** Nothing when there was no older tsrun. */
function judgeAgainstOld(samples: Samples): readonly Verdict[] {
  return COMPARED.filter((measure) => samples.of(measure, "old") !== null).flatMap((measure) =>
    timesOf(samples, measure, [measure, "tsrun"], measure, { old: TIMES_OLD }),
  );
}

/** A verdict for each of the peers, with its limit. */
function timesOf(
  samples: Samples,
  what: string,
  [own, contender]: readonly [Measure, Contender],
  measure: Measure,
  peers: { readonly [peer in "crun" | "runc" | "old"]?: number },
): readonly Verdict[] {
  return (["crun", "runc", "old"] as const).flatMap((peer) => {
    const limit = peers[peer];
    if (limit === undefined) return [];
    const times = quotient(medianOf(samples, own, contender), medianOf(samples, measure, peer));
    return [
      verdict(
        `${what}, against ${peer === "old" ? "the old tsrun" : peer}`,
        times,
        limit,
        (value) => `${value.toFixed(2)} ×`,
      ),
    ];
  });
}

function medianOf(samples: Samples, measure: Measure, contender: Contender): number | null {
  return samples.of(measure, contender)?.median ?? null;
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
