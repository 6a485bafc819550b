/**
 * Runs tests in virtual machines: `bun test/vm/run.ts [FILES…]`, nearly all of test/integration and test/vm when none
 * is named. KERNEL is the edition of the kernel, `stable` without it, `all` for one after the other; VM_SECONDS is
 * how long a machine may take.
 */
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { MissingPackage } from "../../rootfs/missing-package.ts";
import { type Place, printFeatures, summarize } from "../harness/report.ts";
import { guestFiles } from "./files.ts";
import { GUEST_SECONDS, runInGuest } from "./guest-run.ts";
import { EDITIONS, type Edition, NoKernel } from "./kernel.ts";

const PROJECT = resolve(import.meta.dir, "../..");
const { VM_SECONDS = GUEST_SECONDS, KERNEL = "stable" } = process.env;

const files = process.argv.length > 2 ? process.argv.slice(2).map(inProject) : guestFiles(PROJECT);
try {
  process.exitCode = await run();
} catch (error) {
  if (!(error instanceof MissingPackage || error instanceof NoKernel)) throw error;
  refuse(error.message);
}

function inProject(file: string): string {
  return relative(PROJECT, resolve(file));
}

/** Runs the files and prints how they went; returns the exit status. @throws MissingPackage, NoKernel */
async function run(): Promise<number> {
  refuseUnlessBuilt();
  const places: Place[] = [];
  for (const edition of editions())
    places.push(await runInGuest(PROJECT, { edition, files, seconds: Number(VM_SECONDS) }));
  printFeatures(places);
  return summarize(places);
}

function editions(): readonly Edition[] {
  if (KERNEL === "all") return EDITIONS;
  const found = EDITIONS.find((edition) => edition === KERNEL);
  return found === undefined ? refuse(`KERNEL is one of ${EDITIONS.join(", ")}, all`) : [found];
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
