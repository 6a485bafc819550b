/** Trying what a host lets containers do, and what of a bundle it can't honour. */
import type { Config } from "../../runtime-spec/config.ts";
import { linesOf } from "../../runtime-spec/json-lines.ts";
import type { Bundle } from "../container/bundle.ts";
import { defaultConfig, rootlessConfig } from "../container/default-config.ts";
import { readText } from "../kernel/files.ts";
import { ARCHITECTURE } from "../kernel/syscall-numbers.ts";
import { AREAS } from "./areas.ts";
import { areasOf } from "./bundle-features.ts";
import { placesOf } from "./config-pattern.ts";
import type { Area, Feature } from "./feature.ts";
import { plannedLimits } from "./limits.ts";
import { OWN } from "./own.ts";
import { Trial } from "./trial.ts";
import { type Verdict, verdictOn } from "./verdict.ts";

/** A feature, tried. */
export interface Row {
  readonly area: Area;
  readonly feature: Feature;
  readonly verdict: Verdict;
}

export interface Host {
  readonly kernel: string;
  readonly architecture: string;
  readonly uid: number;
}

/** What this host lets containers do. */
export interface HostFindings {
  readonly host: Host;
  readonly rows: readonly Row[];
  /** Names of the features without which what `spec` writes for the caller cannot run: none when containers can. */
  readonly lacking: readonly string[];
}

/** A place in a config that cannot be honoured. */
export interface Obstacle {
  /** The JSON path; empty for what every container needs. */
  readonly path: string;
  /** The line of config.json. */
  readonly line: number;
  readonly why: string;
  /** Null when it is impossible on every host with cgroup v2 alone. */
  readonly feature: Feature | null;
}

export type Doubt = Pick<Obstacle, "path" | "line" | "why">;

export interface BundleFindings extends HostFindings {
  readonly bundle: string;
  readonly obstacles: readonly Obstacle[];
  /** What is doubtful in the config on every host. */
  readonly warnings: readonly Doubt[];
}

/** Tries everything. */
export async function checkHost(): Promise<HostFindings> {
  const rows = await tryAll(AREAS);
  const config = OWN.uid === 0 ? defaultConfig() : rootlessConfig(OWN.uid, OWN.gid);
  const lacking = rows.filter(
    ({ feature, verdict }) => fails(verdict) && placesIn(feature, config).length > 0,
  );
  return { host: host(), rows, lacking: lacking.map(({ feature }) => feature.name) };
}

/** Tries what a bundle needs. */
export async function checkBundle(bundle: Bundle): Promise<BundleFindings> {
  const { path, config, text } = bundle;
  const areas = [...AREAS, ...areasOf(bundle, AREAS)].map((area) => ({
    ...area,
    features: area.features.filter((feature) => placesIn(feature, config).length > 0),
  }));
  const rows = await tryAll(areas);
  const lines = linesOf(text);
  const lineOf = (place: string) => lines.get(place) ?? 1;
  const obstacles = rows
    .filter(({ verdict }) => fails(verdict))
    .flatMap(({ feature, verdict }) =>
      placesIn(feature, config).map((place) => ({
        path: place,
        line: lineOf(place),
        why: `${feature.title}: ${inWords(verdict)}`,
        feature,
      })),
    );
  const refused = plannedLimits(config).refused.map(({ property: path, problem }) => ({
    path,
    line: lineOf(path),
    why: problem,
    feature: null,
  }));
  const all = [...obstacles, ...refused].sort((one, other) => one.line - other.line);
  const warnings = bundle.doubts.map((doubt) => ({
    path: doubt.path,
    line: lineOf(doubt.path),
    why: doubt.message,
  }));
  return { host: host(), rows, lacking: [], bundle: path, obstacles: all, warnings };
}

/** `forbidden: unshare: EPERM (operation not permitted)`. */
export function inWords(verdict: Verdict): string {
  return verdict.state === "works" ? "works" : `${verdict.state}: ${verdict.why}`;
}

/** What cannot be tried is not held against the host. */
function fails({ state }: Verdict): boolean {
  return state === "missing" || state === "forbidden";
}

/** The places in a config that need a feature. */
function placesIn({ config: patterns, places }: Feature, config: Config): readonly string[] {
  const found = places?.(config) ?? patterns.flatMap((pattern) => placesOf(pattern, config));
  return [...new Set(found)];
}

async function tryAll(areas: readonly Area[]): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const area of areas)
    for (const feature of area.features) rows.push({ area, feature, verdict: await verdictOf(feature) });
  return rows;
}

async function verdictOf({ probe }: Feature): Promise<Verdict> {
  using trial = new Trial();
  try {
    const note = await probe(trial);
    return typeof note === "string" ? { state: "works", note } : { state: "works" };
  } catch (error) {
    return verdictOn(error);
  }
}

function host(): Host {
  return {
    kernel: readText("/proc/sys/kernel/osrelease").trim(),
    architecture: ARCHITECTURE,
    uid: OWN.uid,
  };
}
