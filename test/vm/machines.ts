/** The part of `make test` that runs in virtual machines. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MissingPackage } from "../../rootfs/missing-package.ts";
import { handedOut } from "../harness/handed-out.ts";
import { ALL_OF_IT, type FileSkip, type Place, printResult, skippedEverywhere } from "../harness/report.ts";
import type { FileResult } from "../harness/run-file.ts";
import { hasGuest } from "./callers.ts";
import { guestFiles } from "./files.ts";
import { GUEST_SECONDS, runInGuest } from "./guest-run.ts";
import { NoMachine } from "./kernel.ts";
import { isUpToDate, KERNEL_FEATURES, KERNELS_DOCUMENT, parseCheck } from "./kernel-features.ts";
import type { MachineName } from "./prepare.ts";
import { runUnderSystemd, systemdFiles } from "./systemd/machine.ts";

/**
 * What takes longest in emulation and is, for the most part, what other files ask of criu and of memory limits as well:
 * `make test-vm` has time for it.
 */
const LONG = [
  ...["checkpoint-mounts", "checkpoint-options", "memory-least", "restore"].map(
    (name) => `test/vm/${name}.test.ts`,
  ),
  "test/callers/podman-checkpoint.test.ts",
];

/** Tests of what makes a difference between kernels, beside those in test/vm. */
const OF_KERNELS = ["landlock/abi", "mounts/idmapped", "process/labels"].map(
  (name) => `test/integration/${name}.test.ts`,
);

/**
 * What is tsrun's, criu's or the cgroup controllers' work, the same in both kernels, and takes long in emulation: only
 * `make test-vm KERNEL=backports` asks it of the newer one.
 */
const OF_STABLE_ALONE = [
  ...["check-bundle", "checkpoint", "checkpoint-options", "checkpoint-terminals", "cpu", "events", "freeze"],
  ...["hierarchy", "io", "memory", "oom", "pids", "rootless", "update", "update-flags"],
].map((name) => `test/vm/${name}.test.ts`);

/**
 * Begins to fetch what the machines boot from, while other tests run, and in the time that these leave. Returned when
 * that has ended, however it has: `runMachines` tells what is missing.
 */
export async function fetchMachines(project: string, stop: AbortSignal): Promise<void> {
  const command = [process.execPath, join(project, "test/vm/fetch.ts")];
  const fetching = spawn("setpriv", ["--pdeathsig", "KILL", "--", "nice", "-n", "19", ...command], {
    stdio: "ignore",
    signal: stop,
  });
  await new Promise<void>((resolve) => {
    fetching.on("error", () => resolve());
    fetching.on("close", () => resolve());
  });
}

/**
 * Runs what kernels differ in with the stable kernel and with the newer one. What this machine (`here`) had to skip
 * runs in the first, what that skips too in the second, and what is left then on a machine that lacks what they have;
 * what needs systemd runs where systemd does, meanwhile. A test that no place can run is a failure; where no machine can
 * be had, it is a skip. That the rest is the same on every kernel is for `make test-vm` to show, which takes longer.
 */
export async function runMachines(project: string, here: readonly FileResult[]): Promise<readonly Place[]> {
  const machines: Machine[] = [];
  const left = () => forGuests(skippedEverywhere([{ where: "here", results: here }, ...machines]));
  const features = guestFiles(project).filter(
    (file) => (file.startsWith("test/vm/") && !LONG.includes(file)) || OF_KERNELS.includes(file),
  );
  const meanwhile = inSystemd(project);
  machines.push(await inGuest(project, "stable", unique([...features, ...filesOf(left())])));
  const newer = features.filter((file) => !OF_STABLE_ALONE.includes(file));
  machines.push(await inGuest(project, "backports", unique([...newer, ...filesOf(left())])));
  const documented = compareDocument(project, machines);
  machines.push(await meanwhile);
  if (documented !== null) machines.push(documented);
  if (!machines.every(({ ran }) => ran)) return machines;
  if (left().length > 0) machines.push(await inGuest(project, "bare", filesOf(left())));
  return left().length > 0 ? [...machines, neverRan(left())] : machines;
}

/** The skips of tests that a guest is to run. */
function forGuests(skips: readonly FileSkip[]): FileSkip[] {
  return skips.filter(({ file, name }) => {
    if (LONG.includes(file)) return false;
    const callersAreHere = hasGuest(file) && name !== ALL_OF_IT;
    return callersAreHere || /^test\/(integration|vm)\//.test(file);
  });
}

function filesOf(skips: readonly FileSkip[]): string[] {
  return unique(skips.map(({ file }) => file));
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)];
}

/** The document on kernels is what these kernels say of themselves, or else a failure; null when it is of others. */
function compareDocument(project: string, machines: readonly Machine[]): Machine | null {
  const results = machines.flatMap((machine) => machine.results);
  const printed = results.flatMap((result) => handedOut(result, KERNEL_FEATURES));
  if (printed.length !== machines.length) return null;
  const document = readFileSync(join(project, KERNELS_DOCUMENT), "utf8");
  const same = isUpToDate(document, printed.map(parseCheck));
  if (same === null) {
    console.log(`${KERNELS_DOCUMENT} is of other kernels: make kernel-features writes it anew`);
    return null;
  }
  const complaints = same ? [] : ["is not what these kernels say: make kernel-features writes it anew"];
  const result = {
    ...{ file: KERNELS_DOCUMENT, passed: same ? 1 : 0, failed: same ? 0 : 1, skipped: [] },
    ...{ seconds: 0, complaints, output: "" },
  };
  printResult(result);
  return { ran: true, where: "the document", results: [result] };
}

interface Machine extends Place {
  /** False when there was none. */
  readonly ran: boolean;
}

function inGuest(project: string, machine: MachineName, files: readonly string[]): Promise<Machine> {
  return attempt(machine, files, () => runInGuest(project, { machine, files, seconds: GUEST_SECONDS }));
}

function inSystemd(project: string): Promise<Machine> {
  const files = systemdFiles(project);
  return attempt("systemd", files, () => runUnderSystemd(project, files, GUEST_SECONDS));
}

/** Where no such machine can be had, every file is skipped. */
async function attempt(where: string, files: readonly string[], run: () => Promise<Place>): Promise<Machine> {
  try {
    return { ran: true, ...(await run()) };
  } catch (error) {
    if (!(error instanceof MissingPackage || error instanceof NoMachine)) throw error;
    const { message } = error;
    return { ran: false, where, results: files.map((file) => notRun(file, message)) };
  }
}

function notRun(file: string, reason: string): FileResult {
  const skipped = [{ name: ALL_OF_IT, reason: `needs a virtual machine: ${reason}` }];
  return { file, passed: 0, failed: 0, skipped, seconds: 0, complaints: [], output: "" };
}

/** Tests that no place can run, as failures: they test nothing. */
function neverRan(skips: readonly FileSkip[]): Place {
  const complaints = skips.map(({ file, name, reason }) => `runs nowhere: ${file}: ${name} (${reason})`);
  const result = {
    ...{ file: "every place", passed: 0, failed: skips.length, skipped: [] },
    ...{ seconds: 0, complaints, output: "" },
  };
  printResult(result);
  return { where: "nowhere", results: [result] };
}
