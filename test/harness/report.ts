/** What people read of a test run: a line a file, then the skips with their reasons, and the one closing line. */

import { MEASURED_MARK, measurementsIn } from "./measured.ts";
import type { FileResult } from "./run-file.ts";
import { SERVED_MARK } from "./served.ts";
import { SKIP_MARK, type Skipped } from "./skip.ts";
import { subjectOf } from "./subject.ts";

/** Prints how a file went and, when something failed, what it printed. */
export function printResult({
  file,
  seconds,
  passed,
  failed,
  skipped,
  output,
  complaints,
  served,
}: FileResult): void {
  const skips = skipped.length > 0 ? `, ${skipped.length} skipped` : "";
  const counts = `${passed} passed${failed > 0 ? `, ${failed} FAILED` : ""}${skips}`;
  const warm = served === undefined ? "" : `, ${served.commands} served`;
  console.log(`${seconds.toFixed(2).padStart(7)} s  ${file}  ${counts}${warm}`);
  if (failed === 0) return;
  for (const line of output.split("\n").filter(isTelling)) console.log(`    ${line}`);
  for (const complaint of complaints) console.log(`    ${file} ${complaint}`);
}

const MARKS = [SKIP_MARK, MEASURED_MARK, SERVED_MARK];

/** Whether a line of a failed file's output is worth showing: skips and measurements have lists of their own. */
function isTelling(line: string): boolean {
  return line.trim() !== "" && !MARKS.some((mark) => line.startsWith(mark));
}

/** The results of one machine. */
export interface Place {
  /** Its name, such as `Linux 6.1.0-56-cloud-amd64`. */
  readonly where: string;
  readonly results: readonly FileResult[];
}

/** Prints a table of what passed and failed in each place, a line a feature: what test files are named after. */
export function printFeatures(places: readonly Place[]): void {
  const features = [...new Set(places.flatMap(({ results }) => results.map(featureOf)))].sort();
  const rows = features.map((feature) => [
    feature,
    ...places.map(({ results }) => cell(results.filter((result) => featureOf(result) === feature))),
  ]);
  const table = [["feature", ...places.map(({ where }) => where)], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  console.log("");
  for (const row of table)
    console.log(
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
}

/** `user namespace` for test/vm/user-namespace.test.ts, `systemd limits` for test/vm/systemd/limits.test.ts. */
function featureOf({ file }: FileResult): string {
  return subjectOf(file).replaceAll(/[-/]/g, " ");
}

/** `12 passed, 1 failed`; nothing where no file is about the feature. */
function cell(results: readonly FileResult[]): string {
  const sum = (count: (result: FileResult) => number) =>
    results.reduce((total, one) => total + count(one), 0);
  return [
    [sum(({ passed }) => passed), "passed"],
    [sum(({ failed }) => failed), "FAILED"],
    [sum(({ skipped }) => skipped.length), "skipped"],
  ]
    .filter(([count]) => count !== 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(", ");
}

/** Prints what was measured, the skips and, last, the closing line; returns the exit status, 1 without any test. */
export function summarize(places: readonly Place[]): number {
  const results = places.flatMap((place) => place.results);
  const measured = places.flatMap(({ where, results }) =>
    results.flatMap(({ output }) => measurementsIn(output).map((one) => ({ where, ...one }))),
  );
  if (measured.length > 0) console.log("\nMeasured");
  for (const { where, what, value } of measured) console.log(`  ${what}: ${value} (${where})`);
  const skipped = skippedEverywhere(places);
  for (const reason of new Set(skipped.map((one) => one.reason))) {
    const tests = skipped.filter((one) => one.reason === reason);
    console.log(`\nSkipped ${tests.length}: ${reason}`);
    for (const { file, name } of tests) console.log(`  ${file}: ${name}`);
  }
  printServed(results);
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  console.log(
    `\n${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`,
  );
  return failed > 0 || passed === 0 ? 1 : 0;
}

/** How many commands servers did, and how many they left to the callers, by the reason. */
function printServed(results: readonly FileResult[]): void {
  const runs = results.flatMap(({ served }) => served ?? []);
  if (runs.length === 0) return;
  const refused = new Map<string, number>();
  for (const [reason, count] of runs.flatMap((run) => Object.entries(run.refused))) {
    const kind = reason.replace(/^(an error|failed): .*/s, "$1");
    refused.set(kind, (refused.get(kind) ?? 0) + count);
  }
  console.log(
    `\nServed ${runs.reduce((sum, { commands }) => sum + commands, 0)} commands in ${runs.length} files`,
  );
  for (const [reason, count] of [...refused].toSorted(([, one], [, other]) => other - one))
    console.log(`  not served: ${count} (${reason})`);
}

/** The name under which a file is skipped as a whole. */
export const ALL_OF_IT = "all of it";

/** A test that did not run, of a file of that name. */
export interface FileSkip extends Skipped {
  readonly file: string;
}

/** The skips of tests that ran in no place. */
export function skippedEverywhere(places: readonly Place[]): FileSkip[] {
  const results = places.flatMap((place) => place.results);
  const skips = results.flatMap(({ file, skipped }) => skipped.map((one) => ({ file, ...one })));
  const ran = results.filter(({ passed, failed }) => passed + failed > 0);
  const ranSomewhere = ({ file, name }: FileSkip) =>
    ran.some((one) => one.file === file && !one.skipped.some((skip) => skip.name === name));
  const byTest = new Map(skips.map((skip) => [`${skip.file}: ${skip.name}`, skip]));
  return [...byTest.values()].filter((skip) => !ranSomewhere(skip));
}
