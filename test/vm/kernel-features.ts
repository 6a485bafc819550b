/**
 * Writes docs/kernel-features.md: `bun test/vm/kernel-features.ts FILE…`, of what `tsrun check --json` printed on
 * several kernels. Each file is such an output, or the results of a guest that ran kernel-features.test.ts.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { handedOut } from "../harness/handed-out.ts";
import { parseReports } from "./results.ts";

/** The name by which the guest hands out what `check` printed. */
export const KERNEL_FEATURES = "kernel-features";

const DOCUMENT = resolve(import.meta.dir, "../../docs/kernel-features.md");

/** What `tsrun check --json` prints, as far as it is used here. */
export interface Checked {
  readonly host: { readonly kernel: string; readonly architecture: string };
  readonly lacking: readonly string[];
  readonly features: readonly CheckedFeature[];
}

export interface CheckedFeature {
  readonly area: string;
  readonly name: string;
  readonly title: string;
  readonly state: string;
  readonly why?: string;
  readonly note?: string;
  readonly config: readonly string[];
}

if (import.meta.main) main(process.argv.slice(2));

function main(files: readonly string[]): void {
  const all = files.flatMap((file) => checksIn(readFileSync(file, "utf8")));
  if (all.length === 0) {
    console.error("usage: bun test/vm/kernel-features.ts FILE…, with what `tsrun check --json` printed");
    process.exit(1);
  }
  writeFileSync(DOCUMENT, kernelFeatures(all));
}

/** What `check --json` printed, out of that itself or out of a guest's results. */
export function checksIn(text: string): readonly Checked[] {
  if (!text.startsWith('{"kind"')) return [JSON.parse(text) as Checked];
  const results = parseReports(text).flatMap((report) => (report.kind === "file" ? [report.result] : []));
  const printed = results.flatMap((result) => handedOut(result, KERNEL_FEATURES));
  return printed.map((one) => JSON.parse(one) as Checked); // what check prints
}

/** The document, in Markdown. */
export function kernelFeatures(all: readonly Checked[]): string {
  const rows = rowsOf(all);
  const areas = [...new Set(rows.map(({ feature }) => feature.area))];
  const differing = rows.filter(differs);
  return [
    heading(all),
    ...(all.length < 2 ? [] : [differences(differing, all)]),
    ...areas.map((area) =>
      [
        `## ${capital(area)}`,
        table(
          rows.filter(({ feature }) => feature.area === area),
          all,
        ),
      ].join("\n\n"),
    ),
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}

/** A feature on each kernel; null where `check` does not know it. */
interface Row {
  readonly feature: CheckedFeature;
  readonly on: readonly (CheckedFeature | null)[];
}

function rowsOf(all: readonly Checked[]): readonly Row[] {
  const first = new Map<string, CheckedFeature>();
  for (const { features } of all)
    for (const feature of features) if (!first.has(feature.name)) first.set(feature.name, feature);
  return [...first.values()].map((feature) => ({
    feature,
    on: all.map(({ features }) => features.find(({ name }) => name === feature.name) ?? null),
  }));
}

/** Whether a feature is in another state on one kernel than on another. */
function differs({ on }: Row): boolean {
  return new Set(on.map((feature) => feature?.state)).size > 1;
}

function heading(all: readonly Checked[]): string {
  const kernels = all.map(({ host }) => `Linux ${host.kernel} (${host.architecture})`);
  return `# Kernels, and what containers can have of them

What \`tsrun check\` finds as root, in a virtual machine, of ${inWords(kernels)}. Every feature was tried, not looked up.
\`make kernel-features\` writes this file anew.

A kernel is more than its version: other configurations of the same version may have more or less. Ask your own machine by
\`tsrun check\`, and \`tsrun check --bundle DIR\` what of a bundle it cannot honour.`;
}

function differences(rows: readonly Row[], all: readonly Checked[]): string {
  if (rows.length === 0) return "## Differences\n\nThere are none.";
  return `## Differences\n\n${table(rows, all)}`;
}

function table(rows: readonly Row[], all: readonly Checked[]): string {
  const head = ["feature", ...all.map(({ host }) => host.kernel), "without it, no"];
  return [head, head.map(() => "---"), ...rows.map(cells)].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** Where kernels differ, the states are in bold. */
function cells(row: Row): readonly string[] {
  const { feature, on } = row;
  const mark = differs(row) ? "**" : "";
  return [
    feature.title,
    ...on.map((one) => `${mark}${one?.state ?? "not tried"}${mark}${reason(one)}`),
    impossible(feature.config),
  ].map(escaped);
}

/** Why it does not work. What belongs to the machine rather than to the kernel, such as a path, is left out. */
function reason(feature: CheckedFeature | null): string {
  return feature?.why === undefined ? "" : `: ${feature.why}`;
}

function impossible(config: readonly string[]): string {
  if (config.includes("*")) return "container";
  return config.map((pattern) => `\`${pattern}\``).join(", ");
}

const escaped = (text: string) => text.replaceAll("|", "\\|");
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** `a, b and c`. */
function inWords(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} and ${last}`;
}
