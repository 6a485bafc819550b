/**
 * Runs the tests: `bun test/run.ts [FILES…]`, all of test/unit, test/integration and test/callers when none is named,
 * and then test/vm and test/integration in virtual machines, which have what this one lacks; NO_VM=1 leaves that out.
 * Those of test/kubernetes and test/packages take long, and run only when they are named.
 *
 * Each file has a Bun of its own and a time limit. Unit test files run side by side; so do those of callers, which
 * have a machine of their own each, and integration test files that say so in a line `// Runs beside other files.`;
 * the rest one after another. A file that says `// Needs podman, /usr/lib/cni/bridge.` is left out where one
 * of these is missing. RUNTIME names the runtime that the tests speak to, bin/tsrun without it.
 *
 * Files that call tsrun run twice: cold, and warm, beside a tsrun server. RUNS=cold or RUNS=warm leaves the other
 * out; without it those that hold up others have no warm run.
 */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { relative, resolve } from "node:path";
import { machine } from "./callers/machine.ts";
import { missingOf, needsOf } from "./harness/needs.ts";
import { ALL_OF_IT, type Place, printFeatures, printResult, summarize } from "./harness/report.ts";
import { type FileResult, NAMESPACES, runFile, type Surroundings, stopFiles } from "./harness/run-file.ts";
import { coldAlone } from "./harness/served.ts";
import { fetchMachines, runMachines } from "./vm/machines.ts";

const PROJECT = resolve(import.meta.dir, "..");
const BESIDE = /^\/\/ Runs beside other files\.$/m;

interface Kind {
  /** Whether its files run when none is named; the others run only cold unless RUNS asks for more. */
  readonly usual: boolean;
  /** How long a file may take. */
  readonly seconds: number;
  /** Whether it makes containers. */
  readonly withRuntime: boolean;
  readonly surroundings: () => Surroundings | null;
  readonly beside: (text: string) => boolean;
}

/** The kinds of tests, by their directories; those that take longest come first. */
const KINDS = {
  callers: { usual: true, seconds: 240, withRuntime: true, surroundings: machine, beside: () => true },
  "kubernetes/critest": {
    usual: false,
    seconds: 1800,
    withRuntime: true,
    surroundings: machine,
    beside: () => false,
  },
  kubernetes: { usual: false, seconds: 600, withRuntime: true, surroundings: machine, beside: () => true },
  packages: {
    usual: false,
    seconds: 600,
    withRuntime: false,
    surroundings: () => NAMESPACES,
    beside: () => true,
  },
  unit: { usual: true, seconds: 180, withRuntime: false, surroundings: () => null, beside: () => true },
  integration: {
    usual: true,
    seconds: 180,
    withRuntime: true,
    surroundings: () => NAMESPACES,
    beside: (text) => BESIDE.test(text),
  },
} as const satisfies Record<string, Kind>;

interface TestFile {
  readonly path: string;
  readonly kind: Kind;
  readonly beside: boolean;
  /** Whether a server does its commands. */
  readonly warm: boolean;
  /** What it needs and isn't here. */
  readonly missing: readonly string[];
}

const { RUNTIME, NO_VM, RUNS = "" } = process.env;
const files = (process.argv.length > 2 ? process.argv.slice(2) : found()).flatMap(runsOf);
refuseUnlessRunnable(files);

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => {
    stop.abort();
    stopFiles();
  });

const withMachines = process.argv.length === 2 && RUNTIME === undefined && NO_VM === undefined;
const fetched = withMachines ? fetchMachines(PROJECT, stop.signal) : null;

const results: FileResult[] = [];
await inParallel(files.filter((file) => file.beside));
for (const file of files.filter((one) => !one.beside)) await run(file);
const status = summarize([{ where: "here", results }, ...(await machines())]);
process.exitCode = stop.signal.aborted ? 130 : status;

/** What tsrun's tests came to in virtual machines, when all of them are asked for. */
async function machines(): Promise<readonly Place[]> {
  if (stop.signal.aborted || !withMachines) return [];
  await fetched;
  const places = await runMachines(PROJECT, results);
  printFeatures(places);
  return places;
}

function found(): string[] {
  const usual = Object.entries(KINDS).filter(([, kind]) => kind.usual);
  return usual.flatMap(([kind]) =>
    [...new Bun.Glob(`test/${kind}/**/*.test.ts`).scanSync(PROJECT)]
      .sort()
      .map((file) => resolve(PROJECT, file)),
  );
}

/** A file's cold run, and its warm one, if there are to be such. */
function runsOf(name: string): TestFile[] {
  const cold = testFile(name);
  const hasWarm = cold.kind.withRuntime && RUNTIME === undefined && coldAlone(name) === null;
  const isWarm = hasWarm && (RUNS === "warm" || (RUNS !== "cold" && cold.kind.usual && cold.beside));
  return [...(RUNS === "warm" ? [] : [cold]), ...(isWarm ? [{ ...cold, warm: true }] : [])];
}

function testFile(name: string): TestFile {
  const path = resolve(name);
  const text = readFileSync(path, "utf8");
  const kind: Kind =
    Object.entries(KINDS).find(([directory]) => path.includes(`/test/${directory}/`))?.[1] ?? KINDS.unit;
  return { path, kind, beside: kind.beside(text), warm: false, missing: missingOf(needsOf(text)) };
}

/** What would fail every test with a runtime is said once, in front. */
function refuseUnlessRunnable(all: readonly TestFile[]): void {
  if (!all.some(({ kind }) => kind.withRuntime)) return;
  const { RUNTIME: binary = resolve(PROJECT, "bin/tsrun") } = process.env;
  if (process.getuid?.() !== 0) refuse("the tests of containers need root");
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
  await Promise.all(Array.from({ length: availableParallelism() + 1 }, worker)); // tests also wait
}

async function run({ path, kind, missing, warm }: TestFile): Promise<void> {
  if (stop.signal.aborted) return;
  const file = relative(PROJECT, path);
  const result =
    missing.length > 0
      ? leftOut(file, missing)
      : { ...(await runFile(path, kind.seconds, kind.surroundings(), warm)), file };
  results.push(result);
  printResult(result);
}

function leftOut(file: string, missing: readonly string[]): FileResult {
  const skipped = [{ name: ALL_OF_IT, reason: `needs ${missing.join(" and ")}` }];
  return { file, passed: 0, failed: 0, skipped, seconds: 0, complaints: [], output: "" };
}
