/** What people read of a test run: a line a file, then the skips with their reasons, and the one closing line. */

import { MEASURED_MARK, measurementsIn } from "./measured.ts";
import type { FileResult } from "./run-file.ts";
import { SKIP_MARK } from "./skip.ts";

/** Prints how a file went and, when something failed, what it printed. */
export function printResult({
  file,
  seconds,
  passed,
  failed,
  skipped,
  output,
  complaints,
}: FileResult): void {
  const skips = skipped.length > 0 ? `, ${skipped.length} skipped` : "";
  const counts = `${passed} passed${failed > 0 ? `, ${failed} FAILED` : ""}${skips}`;
  console.log(`${seconds.toFixed(2).padStart(7)} s  ${file}  ${counts}`);
  if (failed === 0) return;
  for (const line of output.split("\n").filter(isTelling)) console.log(`    ${line}`);
  for (const complaint of complaints) console.log(`    ${file} ${complaint}`);
}

/** Whether a line of a failed file's output is worth showing: skips and measurements have lists of their own. */
function isTelling(line: string): boolean {
  return line.trim() !== "" && !line.startsWith(SKIP_MARK) && !line.startsWith(MEASURED_MARK);
}

/** Prints what was measured, the skips and, last, the closing line; returns the exit status, 1 without any test. */
export function summarize(all: readonly FileResult[]): number {
  const measured = all.flatMap(({ output }) => measurementsIn(output));
  if (measured.length > 0) console.log("\nMeasured");
  for (const { what, value } of measured) console.log(`  ${what}: ${value}`);
  const skipped = all.flatMap(({ file, skipped }) => skipped.map((one) => ({ file, ...one })));
  for (const reason of new Set(skipped.map((one) => one.reason))) {
    const tests = skipped.filter((one) => one.reason === reason);
    console.log(`\nSkipped ${tests.length}: ${reason}`);
    for (const { file, name } of tests) console.log(`  ${file}: ${name}`);
  }
  const passed = all.reduce((sum, result) => sum + result.passed, 0);
  const failed = all.reduce((sum, result) => sum + result.failed, 0);
  console.log(
    `\n${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`,
  );
  return failed > 0 || passed === 0 ? 1 : 0;
}
