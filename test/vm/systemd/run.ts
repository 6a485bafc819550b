/**
 * Runs the tests of `--systemd-cgroup` in a virtual machine that systemd runs: `bun test/vm/systemd/run.ts [FILES…]`.
 * VM_SECONDS is how long the machine may take.
 *
 *     build/vm/systemd/root.img       a small Debian, made once
 *     build/vm/systemd/console.log    what the guest printed
 *     build/vm/systemd/results.jsonl  what its tests reported
 */
import { relative, resolve } from "node:path";
import { MissingPackage } from "../../../rootfs/missing-package.ts";
import { summarize } from "../../harness/report.ts";
import { NoMachine } from "../kernel.ts";
import { runUnderSystemd, systemdFiles } from "./machine.ts";

const PROJECT = resolve(import.meta.dir, "../../..");
const { VM_SECONDS = "600" } = process.env;

const named = process.argv.slice(2).map((file) => relative(PROJECT, resolve(file)));
const files = named.length > 0 ? named : systemdFiles(PROJECT);
try {
  process.exitCode = summarize([await runUnderSystemd(PROJECT, files, Number(VM_SECONDS))]);
} catch (error) {
  if (!(error instanceof MissingPackage || error instanceof NoMachine)) throw error;
  console.error(`test/vm/systemd/run.ts: ${error.message}`);
  process.exitCode = 1;
}
