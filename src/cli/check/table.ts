/** `tsrun check` for people to read: what doesn't work, or everything. */
import { type BundleFindings, type Doubt, type HostFindings, inWords, type Row } from "../../check/check.ts";
import { EVERY_CONTAINER } from "../../check/feature.ts";
import type { Reasons } from "../../serve/ask.ts";
import { fill } from "../output/fill.ts";
import { oneLine } from "../output/log.ts";
import { bundleConclusion, counts, hostConclusion, isTrouble, machine, service } from "./words.ts";

const WIDTH = 110;
const STATE_WIDTH = 11;

export function hostTable({ host, rows, lacking }: HostFindings, all: boolean, served: Reasons): string {
  return paragraphs([
    `${machine(host)}\n${oneLine(service(served))}\n`,
    ...areaTables(all ? rows : rows.filter(isTrouble)),
    `${counts(rows)}${all ? "" : REST}\n${fill(hostConclusion(lacking), WIDTH).join("\n")}\n`,
  ]);
}

/** Where the rest is told. */
const REST = "; --all lists them";

export function bundleTable(
  { host, bundle, rows, obstacles, warnings }: BundleFindings,
  all: boolean,
): string {
  const told = (mark: string, { line, path, why }: Doubt) =>
    `${mark}${oneLine(`${bundle}/config.json:${line}: ${path === "" ? "any container" : path}: ${why}`)}\n`;
  const problems = [
    ...warnings.map((doubt) => told("warning: ", doubt)),
    ...obstacles.map((obstacle) => told("", obstacle)),
  ];
  return paragraphs([
    `${machine(host)}\n`,
    ...(all ? areaTables(rows) : []),
    problems.join(""),
    `${counts(rows)} of what the bundle needs${all ? "" : REST}\n${bundleConclusion(obstacles)}\n`,
  ]);
}

const paragraphs = (parts: readonly string[]): string => parts.filter((part) => part !== "").join("\n");

function areaTables(rows: readonly Row[]): readonly string[] {
  const areas = [...new Set(rows.map(({ area }) => area.name))];
  return areas.map((name) =>
    areaTable(
      name,
      rows.filter(({ area }) => area.name === name),
    ),
  );
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
