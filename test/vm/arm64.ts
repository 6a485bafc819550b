/**
 * Runs tests on arm64, in two virtual machines: `bun test/vm/arm64.ts [FILES…]`, nearly all of test/integration and
 * test/vm when none is named, and in a Debian that systemd runs test/vm/systemd and the test of tsrun's own package.
 * RUNS is cold or warm, as for test/run.ts; VM_SECONDS is how long a machine may take.
 */
import { relative, resolve } from "node:path";
import { version } from "../../package.json" with { type: "json" };
import { MissingPackage } from "../../rootfs/missing-package.ts";
import { textFile } from "../../rootfs/tree.ts";
import { type Place, printFeatures, summarize } from "../harness/report.ts";
import { ARM64 } from "./architecture.ts";
import { guestFiles } from "./files.ts";
import { runInGuest } from "./guest-run.ts";
import { NoMachine } from "./kernel.ts";
import { runUnderSystemd, systemdFiles } from "./systemd/machine.ts";
import { UNITS } from "./systemd/prepare.ts";

const PROJECT = resolve(import.meta.dir, "../..");
const { VM_SECONDS = "5400" } = process.env;

/** The Debian that systemd runs: emulation takes its time, and the test of tsrun's package has it for its own. */
const DEBIAN = {
  architecture: ARM64,
  name: "systemd-arm64",
  entries: [
    textFile(`guest/${UNITS}/tests.service.d/arm64.conf`, [
      "[Service]",
      "Environment=FILE_SECONDS=1800 TSRUN_TEST_SLOWNESS=12 TSRUN_TEST_DEBIAN=/",
    ]),
  ],
};
const PACKAGE = `build/dist/tsrun_${version}_${ARM64.debian}.deb`;

const named = process.argv.slice(2).map((file) => relative(PROJECT, resolve(file)));
try {
  process.exitCode = await run(named.length > 0 ? named : found());
} catch (error) {
  if (!(error instanceof MissingPackage || error instanceof NoMachine)) throw error;
  console.error(`test/vm/arm64.ts: ${error.message}`);
  process.exitCode = 1;
}

function found(): string[] {
  return [...guestFiles(PROJECT), ...systemdFiles(PROJECT), "test/packages/debian.test.ts"];
}

function isOfDebian(file: string): boolean {
  return /^test\/(vm\/systemd|packages)\//.test(file);
}

/** With what its package's test needs, if it is one of these files. */
function debianFor(files: readonly string[]) {
  const isWithPackage = files.some((file) => file.startsWith("test/packages/"));
  return { ...DEBIAN, parts: isWithPackage ? [PACKAGE, "build/bundles/sandbox", "package.json"] : [] };
}

/** Runs the files and prints how they went; returns the exit status. @throws MissingPackage, NoMachine */
async function run(all: readonly string[]): Promise<number> {
  const places: Place[] = [];
  const seconds = Number(VM_SECONDS);
  const debian = all.filter(isOfDebian);
  const others = all.filter((file) => !isOfDebian(file));
  if (others.length > 0) places.push(await runInGuest(PROJECT, { machine: "arm64", files: others, seconds }));
  if (debian.length > 0) places.push(await runUnderSystemd(PROJECT, debian, seconds, debianFor(debian)));
  printFeatures(places);
  return summarize(places);
}
