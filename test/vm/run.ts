/**
 * Runs tests in a virtual machine that has what this one may lack, every controller of cgroup v2 first of all:
 * `bun test/vm/run.ts [FILES…]`, nearly all of test/integration and test/vm when none is named. VM_SECONDS is how long
 * the machine may take, 480 without it.
 *
 *     build/vm/kernel/        Debian's cloud kernel, fetched once
 *     build/vm/console.log    what the guest printed
 *     build/vm/results.jsonl  what its tests reported
 */
import { existsSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { MissingPackage } from "../../rootfs/missing-package.ts";
import { printResult, summarize } from "../harness/report.ts";
import type { FileResult } from "../harness/run-file.ts";
import { boot, type Ending, type Machine } from "./machine.ts";
import { prepareMachine } from "./prepare.ts";
import { parseReports, type Report } from "./results.ts";

const PROJECT = resolve(import.meta.dir, "../..");
const { VM_SECONDS = "480" } = process.env;
/**
 * Load, and images that mean ill: what these ask is the same on every machine, and emulation makes it long. They run
 * when they are named.
 */
const LEFT_OUT = /^test\/integration\/(stress|hostile[a-z-]*)\.test\.ts$/;

/** How much of the console is shown when the guest was lost. */
const LAST_LINES = 60;

const files = process.argv.length > 2 ? process.argv.slice(2).map(inProject) : found();
try {
  process.exitCode = await run();
} catch (error) {
  if (!(error instanceof MissingPackage)) throw error;
  refuse(error.message);
}

function inProject(file: string): string {
  return relative(PROJECT, resolve(file));
}

function found(): string[] {
  const patterns = ["test/vm/*.test.ts", "test/integration/**/*.test.ts"];
  const all = patterns.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(PROJECT)].sort());
  return all.filter((file) => !LEFT_OUT.test(file));
}

/** Runs the files and prints how they went; returns the exit status. @throws MissingPackage */
async function run(): Promise<number> {
  refuseUnlessBuilt();
  const machine = prepareMachine(PROJECT, join(PROJECT, "build/vm"), files, Number(VM_SECONDS));
  const reports = watch(machine.results, show);
  const ending = await boot(machine);
  return judge(machine, ending, reports());
}

function refuseUnlessBuilt(): void {
  for (const [path, how] of [
    ["bin/tsrun", "make build"],
    ["build/rootfs/busybox", "bun rootfs/build.ts"],
    ["build/rootfs/pause", "bun rootfs/build.ts"],
  ] as const) {
    if (!existsSync(join(PROJECT, path))) refuse(`there is no ${path}: build it with ${how}`);
  }
}

function refuse(why: string): never {
  console.error(`test/vm/run.ts: ${why}`);
  process.exit(1);
}

/** Calls `each` for every report as it arrives; the returned function ends that, and has them all. */
function watch(file: string, each: (report: Report) => void): () => readonly Report[] {
  let seen = 0;
  const look = () => {
    const reports = parseReports(readFileSync(file, "utf8"));
    for (const report of reports.slice(seen)) each(report);
    seen = reports.length;
    return reports;
  };
  const timer = setInterval(look, 200);
  return () => {
    clearInterval(timer);
    return look();
  };
}

function show(report: Report): void {
  if (report.kind === "began") {
    console.log(`Linux ${report.kernel}, cgroup v2 with ${report.controllers.join(" ")}`);
  } else if (report.kind === "file") printResult(report.result);
}

/** Prints the summary and returns the exit status; a guest that did not come to its end is a failure more. */
function judge(machine: Machine, ending: Ending, reports: readonly Report[]): number {
  const results = reports.flatMap((one) => (one.kind === "file" ? [one.result] : []));
  if (ending.how === "switched off" && reports.at(-1)?.kind === "ended") return summarize(results);
  const guest = lost(machine, ending, results);
  printResult(guest);
  return summarize([...results, guest]);
}

function lost(
  { console, seconds }: Machine,
  { how, trouble }: Ending,
  results: readonly FileResult[],
): FileResult {
  const missing = files.filter((file) => !results.some((result) => result.file === file));
  const last = readFileSync(console, "utf8").trimEnd().split("\n").slice(-LAST_LINES);
  const why = how === "out of time" ? `was not off after ${seconds} s` : `${how} before its tests had ended`;
  return {
    file: "the guest",
    passed: 0,
    failed: 1,
    skipped: [],
    seconds: 0,
    complaints: [`(all that it printed: ${console})`, why, `said nothing of ${missing.join(" ")}`],
    output: [trouble, ...last].join("\n"),
  };
}
