/** docs/kernel-features.md, of what `tsrun check --json` prints on several kernels. */

/** The name by which the guest hands out what `check` printed. */
export const KERNEL_FEATURES = "kernel-features";

/** Where the document is, in the project. */
export const KERNELS_DOCUMENT = "docs/kernel-features.md";

/** More features than that are told in one sentence where all work. */
const LONG_LIST = 15;

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

/** What `tsrun check --json` printed. */
export function parseCheck(text: string): Checked {
  return JSON.parse(text) as Checked; // what check prints
}

/** The document, in Markdown; the oldest kernel comes first. */
export function kernelFeatures(checks: readonly Checked[]): string {
  const all = checks.toSorted((a, b) => a.host.kernel.localeCompare(b.host.kernel, "en", { numeric: true }));
  const rows = rowsOf(all);
  const areas = [...new Set(rows.map(({ feature }) => feature.area))];
  const differing = rows.filter(differs);
  return [
    heading(all),
    ...(all.length < 2 ? [] : [differences(differing, all)]),
    ...areas.map((area) =>
      section(
        area,
        rows.filter(({ feature }) => feature.area === area),
        all,
      ),
    ),
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}

/**
 * Whether a document tells the same as `checks` of the same kernels; null when it is of others, as when Debian has newer
 * ones. Reasons are left out: they name places, and not all guests have the same.
 */
export function isUpToDate(document: string, checks: readonly Checked[]): boolean | null {
  if (!checks.every(({ host }) => document.includes(`Linux ${host.kernel} `))) return null;
  const states = (text: string) => text.replace(/((?:missing|forbidden|skipped)\**): (?:\\\||[^|])*/g, "$1 ");
  return states(document) === states(kernelFeatures(checks));
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
  return `# What containers can use, kernel by kernel

What \`tsrun check\` finds as root, in virtual machines with
${inWords(kernels)}.
Every feature was tried, not looked up. \`make kernel-features\` rewrites this file.

Kernels of the same version may be configured to have more or less. \`tsrun check\` tries your own machine, and
\`tsrun check --bundle DIR\` lists what of a bundle it cannot honour.`;
}

function differences(rows: readonly Row[], all: readonly Checked[]): string {
  if (rows.length === 0) return "## Differences\n\nThere are none.";
  return `## Differences\n\n${table(rows, all)}`;
}

function section(area: string, rows: readonly Row[], all: readonly Checked[]): string {
  const allWork = rows.every(({ on }) => on.every((feature) => feature?.state === "works"));
  const body =
    allWork && rows.length > LONG_LIST
      ? `On all of them work: ${rows.map(({ feature }) => feature.title).join(", ")}.`
      : table(rows, all);
  return `## ${capital(area)}\n\n${body}`;
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
