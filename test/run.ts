/**
 * Runs the tests: `bun test/run.ts [FILES…]`, all of test/unit and test/integration when none is named.
 *
 * Each file has a Bun of its own and a time limit. Unit test files run side by side; so do integration test
 * files that say so in a line `// Runs beside other files.`; the rest one after another. RUNTIME names the
 * runtime that the integration tests speak to, bin/tsrun without it.
 */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { relative, resolve } from "node:path";
import { type FileResult, runFile } from "./harness/run-file.ts";
import { SKIP_MARK } from "./harness/skip.ts";

const PROJECT = resolve(import.meta.dir, "..");
const UNIT_SECONDS = 60;
const INTEGRATION_SECONDS = 180;
const BESIDE = /^\/\/ Runs beside other files\.$/m;

interface TestFile {
  readonly path: string;
  readonly integration: boolean;
  readonly parallel: boolean;
}

const files = (process.argv.length > 2 ? process.argv.slice(2) : found()).map(testFile);
refuseUnlessRunnable(files);

const results: FileResult[] = [];
await inParallel(files.filter((file) => file.parallel));
for (const file of files.filter((one) => !one.parallel)) await run(file);
process.exitCode = summarize(results);

function found(): string[] {
  return ["test/unit/**/*.test.ts", "test/integration/**/*.test.ts"].flatMap((pattern) =>
    [...new Bun.Glob(pattern).scanSync(PROJECT)].sort().map((file) => resolve(PROJECT, file)),
  );
}

function testFile(name: string): TestFile {
  const path = resolve(name);
  const integration = path.includes("/integration/");
  return { path, integration, parallel: !integration || BESIDE.test(readFileSync(path, "utf8")) };
}

/** What would fail every integration test is said once, in front. */
function refuseUnlessRunnable(all: readonly TestFile[]): void {
  if (!all.some((file) => file.integration)) return;
  const { RUNTIME: binary = resolve(PROJECT, "bin/tsrun") } = process.env;
  if (process.getuid?.() !== 0) refuse("the integration tests need root");
  if (!binary.includes("/") ? Bun.which(binary) === null : !existsSync(binary)) {
    refuse(`there is no ${binary}: build it with make build, or name a runtime in RUNTIME`);
  }
  const rootfs = resolve(PROJECT, "build/rootfs/busybox");
  if (!existsSync(rootfs)) refuse(`there is no ${rootfs}: build it with bun rootfs/build.ts`);
}

function refuse(why: string): never {
  console.error(`test/run.ts: ${why}`);
  process.exit(1);
}

async function inParallel(queue: readonly TestFile[]): Promise<void> {
  const waiting = [...queue];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await run(file);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

async function run({ path, integration }: TestFile): Promise<void> {
  const result = await runFile(path, integration ? INTEGRATION_SECONDS : UNIT_SECONDS, integration);
  results.push(result);
  const skips = result.skipped.length > 0 ? `, ${result.skipped.length} skipped` : "";
  const counts = `${result.passed} passed${result.failed > 0 ? `, ${result.failed} FAILED` : ""}${skips}`;
  console.log(`${result.seconds.toFixed(2).padStart(7)} s  ${relative(PROJECT, path)}  ${counts}`);
  if (result.failed === 0) return;
  for (const line of result.output.split("\n").filter(isTelling)) console.log(`    ${line}`);
  for (const complaint of result.complaints) console.log(`    ${relative(PROJECT, path)} ${complaint}`);
}

/** Whether a line of a failed file's output is worth showing: skips have a list of their own. */
function isTelling(line: string): boolean {
  return line.trim() !== "" && !line.startsWith(SKIP_MARK);
}

/** Prints the skips and, last, the one closing line; returns the exit status. */
function summarize(all: readonly FileResult[]): number {
  const skipped = all.flatMap(({ file, skipped }) => skipped.map((one) => ({ file, ...one })));
  for (const reason of new Set(skipped.map((one) => one.reason))) {
    const tests = skipped.filter((one) => one.reason === reason);
    console.log(`\nSkipped ${tests.length}: ${reason}`);
    for (const { file, name } of tests) console.log(`  ${relative(PROJECT, file)}: ${name}`);
  }
  const passed = all.reduce((sum, result) => sum + result.passed, 0);
  const failed = all.reduce((sum, result) => sum + result.failed, 0);
  console.log(
    `\n${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`,
  );
  return failed > 0 || passed === 0 ? 1 : 0;
}
