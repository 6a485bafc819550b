/**
 * Runs test files in a virtual machine that has what this one may lack, every controller of cgroup v2 first of all.
 *
 *     build/vm/MACHINE/kernel/        Debian's cloud kernel, fetched once
 *     build/vm/MACHINE/console.log    what the guest printed
 *     build/vm/MACHINE/results.jsonl  what its tests reported
 */
import { readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { type Place, printResult } from "../harness/report.ts";
import type { FileResult } from "../harness/run-file.ts";
import { boot, type Ending, type Machine } from "./machine.ts";
import { prepareMachine, type Task } from "./prepare.ts";
import { parseReports, type Report } from "./results.ts";

/** Enough for all tests on a busy machine; a guest that takes longer hangs. */
export const GUEST_SECONDS = 1500;

/** Runs the files in a machine for them. @throws MissingPackage, NoMachine */
export async function runInGuest(project: string, task: Task): Promise<Place> {
  return runMachine(project, prepareMachine(project, task), task.machine, task.files);
}

/**
 * The kernel patches its own code by way of int3, and QEMU's emulation, with more than one processor, sometimes runs
 * into one that has been taken away again, now and then for ever. That is no fault of the guest's: the machine is booted
 * once more, with one thread that emulates both, which takes longer.
 */
const EMULATORS_FAULT = /Oops: int3|Kernel panic - not syncing: softlockup/;

/**
 * Boots a machine that runs the files and prints what each came to. A guest that does not come to its end is a failure
 * more. @throws MissingPackage
 */
export async function runMachine(
  project: string,
  machine: Machine,
  name: string,
  files: readonly string[],
): Promise<Place> {
  const place = await runOnce(project, machine, name, files);
  const isLost = place.results.some(({ file }) => file === GUEST);
  if (!isLost || !EMULATORS_FAULT.test(readFileSync(machine.console, "utf8"))) return place;
  console.log("the guest was lost by a fault of the emulation: it is booted once more");
  for (const file of [machine.console, machine.results]) writeFileSync(file, "");
  return runOnce(project, machine, name, files, "single");
}

async function runOnce(
  project: string,
  machine: Machine,
  name: string,
  files: readonly string[],
  threads: "multi" | "single" = "multi",
): Promise<Place> {
  const all = watch(machine.results, show);
  const ending = await boot(machine, threads);
  const reports = all();
  const results = reports.flatMap((one) => (one.kind === "file" ? [one.result] : []));
  const kernel = reports.find((one) => one.kind === "began")?.kernel;
  const where = kernel === undefined ? name : `${name} (${kernel})`;
  if (ending.how === "switched off" && reports.at(-1)?.kind === "ended") return { where, results };
  const guest = lost(project, machine, ending, unheard(files, results));
  printResult(guest);
  return { where, results: [...results, guest] };
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

/** The files that the guest said nothing of. */
function unheard(files: readonly string[], results: readonly FileResult[]): string[] {
  return files.filter((file) => !results.some((result) => result.file === file));
}

/** Stands in the results for what a guest that was lost did not say. */
const GUEST = "the guest";

/** How much of the console is shown when the guest was lost. */
const LAST_LINES = 60;

function lost(
  project: string,
  { console, seconds }: Machine,
  { how, trouble }: Ending,
  missing: readonly string[],
): FileResult {
  const last = readFileSync(console, "utf8").trimEnd().split("\n").slice(-LAST_LINES);
  const why = how === "out of time" ? `was not off after ${seconds} s` : `${how} before its tests had ended`;
  return {
    file: GUEST,
    passed: 0,
    failed: 1,
    skipped: [],
    seconds: 0,
    complaints: [
      `(all that it printed: ${relative(project, console)})`,
      why,
      `said nothing of ${missing.join(" ")}`,
    ],
    output: [trouble, ...last].join("\n"),
  };
}
