/** `tsrun check --format json`. */
import type { BundleFindings, HostFindings, Row } from "../../check/check.ts";
import type { Reasons } from "../../serve/ask.ts";

export function hostJson({ host, rows, lacking }: HostFindings, { pid, process: why }: Reasons): string {
  const served = why === null ? { pid } : { why };
  return json({ host, containers: lacking.length === 0, lacking, served, features: rows.map(feature) });
}

export function bundleJson({ host, bundle, obstacles, warnings, rows }: BundleFindings): string {
  return json({
    host,
    bundle,
    honoured: obstacles.length === 0,
    obstacles: obstacles.map(({ feature: of, ...obstacle }) => ({ ...obstacle, feature: of?.name ?? null })),
    warnings,
    features: rows.map(feature),
  });
}

function feature({ area, feature: { name, title, config }, verdict }: Row) {
  return { area: area.name, name, title, ...verdict, config };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
