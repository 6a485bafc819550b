/** `tsrun check --format tap`: version 14 of the Test Anything Protocol, a test point for each feature. */
import type { BundleFindings, HostFindings, Obstacle, Row } from "../../check/check.ts";
import type { Verdict } from "../../check/verdict.ts";
import { oneLine } from "../output/log.ts";

export function hostTap({ rows }: HostFindings): string {
  return tap(rows.map(({ feature, verdict }) => point(feature.name, verdict, { config: feature.config })));
}

/** The features that the bundle needs, and a failed point for each line that no host can honour. */
export function bundleTap({ rows, obstacles, warnings }: BundleFindings): string {
  const comments = warnings.map((doubt) => oneLine(`# ${place(doubt)}: ${doubt.why}`));
  const where = (row: Row) => ({
    config: obstacles.filter(({ feature }) => feature === row.feature).map(place),
  });
  const points = [
    ...rows.map((row) => point(row.feature.name, row.verdict, where(row))),
    ...obstacles
      .filter(({ feature }) => feature === null)
      .map((one) => point(one.path, { state: "missing", why: one.why }, { config: [place(one)] })),
  ];
  return tap(points, comments);
}

const place = ({ line, path }: Pick<Obstacle, "line" | "path">) =>
  `config.json:${line}: ${path === "" ? "any container" : path}`;

type Point = (number: number) => string;

function tap(points: readonly Point[], comments: readonly string[] = []): string {
  const told = points.map((one, index) => one(index + 1));
  return ["TAP version 14", `1..${points.length}`, ...comments, ...told, ""].join("\n");
}

function point(name: string, verdict: Verdict, details: { readonly config: readonly string[] }): Point {
  const described = escaped(name);
  if (verdict.state === "works") return (number) => `ok ${number} - ${described}`;
  if (verdict.state === "skipped")
    return (number) => `ok ${number} - ${described} # SKIP ${escaped(verdict.why)}`;
  const { why, ...others } = verdict;
  // JSON is YAML.
  const diagnostics = Object.entries({ ...others, message: why, ...details });
  const block = diagnostics.map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
  return (number) => [`not ok ${number} - ${described}`, "  ---", ...block, "  ..."].join("\n");
}

function escaped(text: string): string {
  return text.replace(/[\\#]/g, "\\$&");
}
