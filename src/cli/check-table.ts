/** `tsrun check` for people to read. */
import {
  type BundleFindings,
  type Doubt,
  type Host,
  type HostFindings,
  inWords,
  type Row,
} from "../check/check.ts";
import { EVERY_CONTAINER } from "../check/feature.ts";
import type { Reasons } from "../serve/ask.ts";
import { fill } from "./help/fill.ts";
import { oneLine } from "./log.ts";

const WIDTH = 110;
const STATE_WIDTH = 11;
const STATES = ["works", "missing", "forbidden", "skipped"] as const;

export function hostTable({ host, rows, lacking }: HostFindings, served: Reasons): string {
  const areas = [...new Set(rows.map(({ area }) => area.name))];
  const conclusion =
    lacking.length === 0
      ? "Containers can run here."
      : `Containers cannot run here: every ordinary one needs ${lacking.join(", ")}.`;
  return [
    `${heading(host)}${oneLine(service(served))}\n`,
    ...areas.map((area) =>
      areaTable(
        area,
        rows.filter((row) => row.area.name === area),
      ),
    ),
    `${counts(rows)}\n${fill(conclusion, WIDTH).join("\n")}\n`,
  ].join("\n");
}

/** Whether a tsrun that serves would do this user's commands. */
function service({ pid, process }: Reasons): string {
  return process === null
    ? `Commands are served by tsrun serve, pid ${pid}.`
    : `Commands are not served: ${process}.`;
}

export function bundleTable({ host, bundle, rows, obstacles, warnings }: BundleFindings): string {
  const told = (mark: string, { line, path, why }: Doubt) =>
    `${mark}${oneLine(`${bundle}/config.json:${line}: ${path === "" ? "any container" : path}: ${why}`)}\n`;
  const problems = [
    ...warnings.map((doubt) => told("warning: ", doubt)),
    ...obstacles.map((obstacle) => told("", obstacle)),
  ];
  const conclusion =
    obstacles.length === 0 ? "This host can honour the bundle." : "This host cannot honour the bundle.";
  return [heading(host), problems.join(""), `${counts(rows)} of what the bundle needs\n${conclusion}\n`]
    .filter((part) => part !== "")
    .join("\n");
}

function heading({ kernel, architecture, uid }: Host): string {
  return `Linux ${kernel} on ${architecture}, as ${uid === 0 ? "root" : `user ${uid}`}\n`;
}

/** `120 work, 3 missing, 1 forbidden, 1 skipped`. */
function counts(rows: readonly Row[]): string {
  const counted = STATES.map(
    (state) => [rows.filter(({ verdict }) => verdict.state === state).length, state] as const,
  );
  return counted
    .filter(([count, state]) => count > 0 || state === "works")
    .map(([count, state]) => `${count} ${state === "works" ? "work" : state}`)
    .join(", ");
}

function areaTable(area: string, rows: readonly Row[]): string {
  const lines = groupsOf(rows).flatMap(groupLines);
  return `${area}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

/** Rows that are printed together: in a list, those with the same verdict. */
type Group = readonly [Row, ...Row[]];

function groupsOf(rows: readonly Row[]): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const key = row.area.listed === undefined ? row.feature.name : inWords(row.verdict);
    const group = groups.get(key);
    groups.set(key, group === undefined ? [row] : [...group, row]);
  }
  return [...groups.values()];
}

function groupLines(group: Group): readonly string[] {
  const [{ area, feature, verdict }] = group;
  const titles = group.map((row) => row.feature.title).join(", ");
  if (verdict.state === "works")
    return entry("works", verdict.note === undefined ? titles : `${titles} (${verdict.note})`);
  const everything = feature.config.includes(EVERY_CONTAINER) ? "any container" : feature.config.join(", ");
  const impossible = group.length > 1 ? area.listed : everything;
  return [
    ...entry(verdict.state, titles),
    ...entry("", verdict.why),
    ...(!impossible || verdict.state === "skipped" ? [] : entry("", `impossible: ${impossible}`)),
  ];
}

/** A state, and beside it text in as many lines as it needs. */
function entry(state: string, text: string): readonly string[] {
  return fill(text, WIDTH - STATE_WIDTH - 2).map(
    (line, index) => `${(index === 0 ? state : "").padEnd(STATE_WIDTH)}${line}`,
  );
}
