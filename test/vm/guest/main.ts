/** Runs the test files in the guest and reports each to the host. */
import { openSync, readFileSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { machine } from "../../callers/machine.ts";
import { cgroup2Controllers } from "../../harness/cgroups.ts";
import { NAMESPACES, runFile } from "../../harness/run-file.ts";
import { isOfCallers } from "../callers.ts";
import { FILE_LIST, GUEST_PROGRAMS, portDevice, type Report, WARM_LIST } from "../results.ts";

const PROJECT = resolve(import.meta.dir, "../../..");
/** How long a file may take, and how slow a machine this is for it; of the kernel's parameters. */
const { FILE_SECONDS = "600", TSRUN_TEST_SLOWNESS = "8" } = process.env;
/** One more than the machine has processors: tests also wait. */
const WORKERS = 3;
const BESIDE = /^\/\/ Runs beside other files\.$/m;

process.env["TSRUN_TEST_SLOWNESS"] = TSRUN_TEST_SLOWNESS;
process.env["TSRUN_TEST_PROGRAMS"] = `/${GUEST_PROGRAMS}`;
const port = openSync(portDevice(), "w");
report({
  kind: "began",
  kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(),
  controllers: [...cgroup2Controllers()],
});
const files = readFileSync(resolve(PROJECT, FILE_LIST), "utf8").split("\n").filter(Boolean);
const warm = readFileSync(resolve(PROJECT, WARM_LIST), "utf8").split("\n");
const waiting = files.toSorted((a, b) => length(b) - length(a));
await Promise.all(Array.from({ length: WORKERS }, worker));
report({ kind: "ended" });

/**
 * How long a file may take, in no unit: those that run alone on other machines first, then the larger. A long one
 * that comes last would leave a processor idle.
 */
function length(file: string): number {
  const text = readFileSync(resolve(PROJECT, file), "utf8");
  return BESIDE.test(text) ? text.length : Number.MAX_SAFE_INTEGER;
}

async function worker(): Promise<void> {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const surroundings = isOfCallers(file) ? machine() : NAMESPACES;
    const result = await runFile(
      resolve(PROJECT, file),
      Number(FILE_SECONDS),
      surroundings,
      warm.includes(file),
    );
    report({ kind: "file", result: { ...result, file } });
  }
}

function report(what: Report): void {
  const line = Buffer.from(`${JSON.stringify(what)}\n`);
  for (let done = 0; done < line.length; ) done += writeSync(port, line, done);
}
