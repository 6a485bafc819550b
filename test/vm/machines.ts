/** The part of `make test` that runs in virtual machines. */
import { MissingPackage } from "../../rootfs/missing-package.ts";
import { type Place, printResult, skippedEverywhere } from "../harness/report.ts";
import type { FileResult } from "../harness/run-file.ts";
import { guestFiles } from "./files.ts";
import { GUEST_SECONDS, runInGuest } from "./guest-run.ts";
import { type Edition, NoKernel } from "./kernel.ts";

/** Tests of what makes a difference between kernels, beside those in test/vm. */
const KERNEL_FEATURES =
  /^test\/(vm\/|integration\/(cgroups|filesystems|labels|mounts|namespaces)\.test\.ts$)/;

/**
 * Runs the whole suite with the stable kernel, with the newer one what kernels differ in, and in each what this
 * machine (`here`) had to skip. What was skipped everywhere then is a failure; where no machine can be had, a skip.
 */
export async function runMachines(project: string, here: readonly FileResult[]): Promise<readonly Place[]> {
  const skips = here.filter(({ file, skipped }) => file.includes("/integration/") && skipped.length > 0);
  const files = [...new Set([...guestFiles(project), ...skips.map(({ file }) => file)])];
  const fewer = files.filter((file) => KERNEL_FEATURES.test(file) || skips.some((one) => one.file === file));
  const stable = await inGuest(project, "stable", files);
  const backports = await inGuest(project, "backports", fewer);
  if (![stable, backports].every(({ ran }) => ran)) return [stable, backports];
  return [stable, backports, ...neverRan([{ where: "here", results: here }, stable, backports])];
}

interface Machine extends Place {
  /** False when there was none. */
  readonly ran: boolean;
}

async function inGuest(project: string, edition: Edition, files: readonly string[]): Promise<Machine> {
  try {
    return { ran: true, ...(await runInGuest(project, { edition, files, seconds: GUEST_SECONDS })) };
  } catch (error) {
    if (!(error instanceof MissingPackage || error instanceof NoKernel)) throw error;
    const { message } = error;
    return { ran: false, where: edition, results: files.map((file) => notRun(file, message)) };
  }
}

function notRun(file: string, reason: string): FileResult {
  const skipped = [{ name: "all of it", reason: `needs a virtual machine: ${reason}` }];
  return { file, passed: 0, failed: 0, skipped, seconds: 0, complaints: [], output: "" };
}

/** Tests that no place can run, as failures: they test nothing. */
function neverRan(places: readonly Place[]): Place[] {
  const skips = skippedEverywhere(places).filter(({ file }) => !file.includes("/unit/"));
  if (skips.length === 0) return [];
  const complaints = skips.map(({ file, name, reason }) => `runs nowhere: ${file}: ${name} (${reason})`);
  const result = {
    ...{ file: "every place", passed: 0, failed: skips.length, skipped: [] },
    ...{ seconds: 0, complaints, output: "" },
  };
  printResult(result);
  return [{ where: "everywhere", results: [result] }];
}
