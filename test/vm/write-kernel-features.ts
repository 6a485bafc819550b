/**
 * Writes docs/kernel-features.md: `bun test/vm/write-kernel-features.ts [FILE…]`, of files with what
 * `tsrun check --json` printed on several kernels. Without files, asks each of Debian's kernels in a virtual machine.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { handedOut } from "../harness/handed-out.ts";
import { runInGuest } from "./guest-run.ts";
import { EDITIONS, type Edition } from "./kernel.ts";
import { KERNEL_FEATURES, kernelFeatures, parseCheck } from "./kernel-features.ts";

const PROJECT = resolve(import.meta.dir, "../..");
const TEST = "test/vm/kernel-features.test.ts";
const GUEST_SECONDS = 240;

const files = process.argv.slice(2);
const printed = files.length > 0 ? files.map((file) => readFileSync(file, "utf8")) : await askGuests();
writeFileSync(join(PROJECT, "docs/kernel-features.md"), kernelFeatures(printed.map(parseCheck)));

async function askGuests(): Promise<readonly string[]> {
  const printed: string[] = [];
  for (const edition of EDITIONS) printed.push(await askGuest(edition));
  return printed;
}

async function askGuest(edition: Edition): Promise<string> {
  const task = { edition, files: [TEST], seconds: GUEST_SECONDS, whole: true } as const;
  const { kernel, results } = await runInGuest(PROJECT, task);
  const [printed] = results.flatMap((result) => handedOut(result, KERNEL_FEATURES));
  if (printed === undefined) throw new Error(`the guest with Linux ${kernel} printed no features`);
  return printed;
}
