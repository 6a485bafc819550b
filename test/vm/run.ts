/**
 * Runs tests in virtual machines: `bun test/vm/run.ts [FILES…]`, nearly all of test/integration and test/vm when none
 * is named. KERNEL names the machine, `stable` without it, `all` for it and `backports`; VM_SECONDS is how long one may
 * take.
 */
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { MissingPackage } from "../../rootfs/missing-package.ts";
import { type Place, printFeatures, summarize } from "../harness/report.ts";
import { guestFiles } from "./files.ts";
import { GUEST_SECONDS, runInGuest } from "./guest-run.ts";
import { NoMachine } from "./kernel.ts";
import type { MachineName } from "./prepare.ts";

const PROJECT = resolve(import.meta.dir, "../..");
const { VM_SECONDS = GUEST_SECONDS, KERNEL = "stable" } = process.env;

const files = process.argv.length > 2 ? process.argv.slice(2).map(inProject) : guestFiles(PROJECT);
try {
  process.exitCode = await run();
} catch (error) {
  if (!(error instanceof MissingPackage || error instanceof NoMachine)) throw error;
  refuse(error.message);
}

function inProject(file: string): string {
  return relative(PROJECT, resolve(file));
}

/** Runs the files and prints how they went; returns the exit status. @throws MissingPackage, NoMachine */
async function run(): Promise<number> {
  refuseUnlessBuilt();
  const places: Place[] = [];
  for (const machine of machines())
    places.push(await runInGuest(PROJECT, { machine, files, seconds: Number(VM_SECONDS) }));
  printFeatures(places);
  return summarize(places);
}

function machines(): readonly MachineName[] {
  const names = ["stable", "backports", "bare"] as const satisfies readonly MachineName[];
  if (KERNEL === "all") return names.slice(0, 2);
  const found = names.find((name) => name === KERNEL);
  return found === undefined ? refuse(`KERNEL is one of ${names.join(", ")}, all`) : [found];
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
