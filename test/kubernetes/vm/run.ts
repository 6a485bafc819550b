/**
 * Runs the tests of a node whose cgroups systemd makes: `bun test/kubernetes/vm/run.ts`. containerd and the kubelet run in
 * a virtual machine that has all controllers of cgroup v2; the rest of the cluster, which makes no cgroups and would take
 * minutes to start there, outside, in a machine of the tests (test/callers/machine.ts) whose network QEMU has for its own.
 * VM_SECONDS is how long the virtual machine may take.
 *
 *     build/vm/kubernetes/programs.img   the kubelet, containerd and the like
 *     build/vm/kubernetes/console.log    what the guest printed
 *     build/vm/kubernetes/results.jsonl  what its tests reported
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { MissingPackage } from "../../../rootfs/missing-package.ts";
import { machine } from "../../callers/machine.ts";
import { removeCgroups } from "../../harness/cgroups.ts";
import { testToken } from "../../harness/run-file.ts";
import { cachedKernel, NoMachine } from "../../vm/kernel.ts";
import { cachedImage } from "../../vm/systemd/image.ts";
import { cachedPrograms, EDITION } from "./image.ts";

const PROJECT = resolve(import.meta.dir, "../../..");

try {
  // The tests' machine has no lists of Debian's packages.
  cachedKernel(PROJECT, EDITION);
  await cachedImage(PROJECT);
  cachedPrograms(PROJECT);
  process.exitCode = await inMachine([process.execPath, join(import.meta.dir, "host.ts")]);
} catch (error) {
  if (!(error instanceof MissingPackage || error instanceof NoMachine)) throw error;
  console.error(`test/kubernetes/vm/run.ts: ${error.message}`);
  process.exitCode = 1;
}

/** Runs a program in a machine of the tests; returns its exit status. */
async function inMachine(program: readonly string[]): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "tsrun-test-"));
  try {
    const [file = "", ...args] = [...machine().command, ...program];
    const child = spawn(file, args, {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, TSRUN_TEST_DIR: directory },
    });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.once(signal, () => child.kill("SIGKILL"));
    return await new Promise((resolved, reject) => {
      child.on("error", reject);
      child.on("close", (status) => resolved(status ?? 1));
    });
  } finally {
    await removeCgroups(testToken(directory));
    rmdirSync(directory); // empty: the tmpfs over it went with its mount namespace
  }
}
