/**
 * Runs tests in a virtual machine that has what this one may lack, every controller of cgroup v2 first of all:
 * `bun test/vm/run.ts [FILES…]`, all of test/integration and test/vm when none is named.
 *
 *     build/vm/kernel/        Debian's cloud kernel, fetched once
 *     build/vm/console.log    what the guest printed
 *     build/vm/results.jsonl  what its tests reported
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { textFile } from "../../rootfs/tree.ts";
import { printResult, summarize } from "../harness/report.ts";
import type { FileResult } from "../harness/run-file.ts";
import { writeCpio } from "./cpio.ts";
import { guestTree } from "./initramfs.ts";
import { cachedKernel, loadOrder } from "./kernel.ts";
import { boot, type Ending } from "./machine.ts";
import { parseReports, type Report } from "./results.ts";

const PROJECT = resolve(import.meta.dir, "../..");
const BUILD = join(PROJECT, "build/vm");
const CONSOLE = join(BUILD, "console.log");
const RESULTS = join(BUILD, "results.jsonl");
const INITRAMFS = join(BUILD, "guest.cpio");
const DISK = join(BUILD, "disk.img");
const DISK_BYTES = 256 * 1024 * 1024;
const { VM_SECONDS = "480" } = process.env;

/** What the guest's kernel has as modules, and the tests or the machine itself need. */
const MODULES = ["virtio_pci", "virtio_console", "virtio_blk", "overlay", "fuse", "loop", "veth"] as const;

const files = process.argv.length > 2 ? process.argv.slice(2).map(inProject) : found();
refuseUnlessRunnable();
const kernel = prepare();
const stop = watch(RESULTS, show);
const ending = await boot({
  image: kernel.image,
  initramfs: INITRAMFS,
  console: CONSOLE,
  results: RESULTS,
  disks: [DISK],
  seconds: Number(VM_SECONDS),
});
stop();
process.exitCode = judge(ending, parseReports(readFileSync(RESULTS, "utf8")));

function found(): string[] {
  return ["test/vm/**/*.test.ts", "test/integration/**/*.test.ts"].flatMap((pattern) =>
    [...new Bun.Glob(pattern).scanSync(PROJECT)].sort(),
  );
}

function inProject(file: string): string {
  return relative(PROJECT, resolve(file));
}

function refuseUnlessRunnable(): void {
  if (Bun.which("qemu-system-x86_64") === null) {
    refuse("there is no qemu-system-x86_64: install it with apt-get install qemu-system-x86");
  }
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

/** Makes what the machine boots from, and leaves nothing of an earlier run's output. */
function prepare() {
  mkdirSync(BUILD, { recursive: true });
  for (const file of [CONSOLE, RESULTS, DISK]) rmSync(file, { force: true });
  for (const file of [RESULTS, DISK]) closeSync(openSync(file, "w"));
  truncateSync(DISK, DISK_BYTES);
  const fetched = cachedKernel(BUILD);
  const tree = guestTree(PROJECT, loadOrder(fetched, MODULES));
  writeCpio(INITRAMFS, [...tree, textFile("tsrun/test-files", files)]);
  return fetched;
}

/** Calls `each` for every report as it arrives; the returned function takes the last ones and ends it. */
function watch(file: string, each: (report: Report) => void): () => void {
  let seen = 0;
  const look = () => {
    const reports = parseReports(readFileSync(file, "utf8"));
    for (const report of reports.slice(seen)) each(report);
    seen = reports.length;
  };
  const timer = setInterval(look, 200);
  return () => {
    clearInterval(timer);
    look();
  };
}

function show(report: Report): void {
  if (report.kind === "began") {
    console.log(`Linux ${report.kernel}, cgroup v2 with ${report.controllers.join(" ")}`);
  } else if (report.kind === "file") printResult(report.result);
}

/** Prints the summary and returns the exit status; a guest that did not come to its end is a failure more. */
function judge({ how, trouble }: Ending, reports: readonly Report[]): number {
  const results: FileResult[] = reports.flatMap((one) => (one.kind === "file" ? [one.result] : []));
  if (how !== "switched off" || reports.at(-1)?.kind !== "ended") results.push(lost(how, trouble, results));
  return summarize(results);
}

function lost(how: Ending["how"], trouble: string, results: readonly FileResult[]): FileResult {
  const missing = files.filter((file) => !results.some((result) => result.file === file));
  const complaint =
    how === "out of time" ? `was not off after ${VM_SECONDS} s` : `${how} before its tests ended`;
  const console = existsSync(CONSOLE) ? readFileSync(CONSOLE, "utf8").split("\n").slice(-40) : [];
  const result = {
    file: "the guest",
    passed: 0,
    failed: 1,
    skipped: [],
    seconds: 0,
    complaints: [complaint, `reported nothing of ${missing.join(" ")}`, `printed the above: ${CONSOLE}`],
    output: [trouble, ...console].join("\n"),
  };
  printResult(result);
  return result;
}
