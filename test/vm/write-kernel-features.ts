/**
 * Writes docs/kernel-features.md: `bun test/vm/write-kernel-features.ts [FILE…]`, of files with what
 * `tsrun check --json` printed on several kernels. Without files, asks each of Debian's kernels in a virtual machine.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { handedOut } from "../harness/handed-out.ts";
import { runInGuest } from "./guest-run.ts";
import { KERNEL_FEATURES, KERNELS_DOCUMENT, kernelFeatures, parseCheck } from "./kernel-features.ts";
import type { MachineName } from "./prepare.ts";

const PROJECT = resolve(import.meta.dir, "../..");
const TEST = "test/vm/kernel-features.test.ts";
const GUEST_SECONDS = 240;

const files = process.argv.slice(2);
const printed = files.length > 0 ? files.map((file) => readFileSync(file, "utf8")) : await askGuests();
writeFileSync(join(PROJECT, KERNELS_DOCUMENT), kernelFeatures(printed.map(parseCheck)));

async function askGuests(): Promise<readonly string[]> {
  const printed: string[] = [];
  for (const machine of ["stable", "backports"] as const) printed.push(await askGuest(machine));
  return printed;
}

async function askGuest(machine: MachineName): Promise<string> {
  const task = { machine, files: [TEST], seconds: GUEST_SECONDS };
  const { where, results } = await runInGuest(PROJECT, task);
  const [printed] = results.flatMap((result) => handedOut(result, KERNEL_FEATURES));
  if (printed === undefined) throw new Error(`the guest ${where} printed no features`);
  return printed;
}
