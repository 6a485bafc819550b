import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroupsNamed } from "./cgroups.ts";
import { stateRoot, workDirectory } from "./environment.ts";
import { commandLine, processes } from "./processes.ts";
import { testToken } from "./run-file.ts";
import { slowness } from "./slowness.ts";

/** Time for what `delete` has killed to vanish from /proc. */
const GRACE_MS = 2000 * slowness;

const before = { processes: new Set(processes()), mounts: new Set(mountLines()) };

/**
 * Adds the last test of an integration test file: that its containers left no process, mount, cgroup or state.
 * The namespaces that the file runs in hold nothing but its own doing, so that whatever is new is a leak.
 */
export function leavesNothing(): void {
  test("nothing is left behind", async () => {
    await expectNothing(() => leaks(), "of this test file");
  });
}

/**
 * For a step of a test: the returned function fails with what is there that isn't now, such as `of a failed
 * create`. What an earlier test has left is that test's failure, not this one's.
 */
export function watchLeaks(): (when: string) => Promise<void> {
  const known = new Set(leaks());
  return (when) => expectNothing(() => leaks().filter((leak) => !known.has(leak)), when);
}

async function expectNothing(left: () => string[], when: string): Promise<void> {
  for (let waited = 0; waited < GRACE_MS && left().length > 0; waited += 20) await Bun.sleep(20);
  assert.equal(left(), [], when);
}

/** What is there now that wasn't when the test file began. */
function leaks(): string[] {
  return [
    ...processes()
      .filter((pid) => !before.processes.has(pid))
      .flatMap(describeProcess),
    ...mountLines()
      .filter((line) => !before.mounts.has(line))
      .map((line) => `mount ${line}`),
    ...cgroupsNamed(testToken(workDirectory)).map((path) => `cgroup ${path}`),
    ...readdirSync(stateRoot).map((name) => `state ${stateRoot}/${name}`),
  ];
}

function mountLines(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n").map(withoutCgroupOptions);
}

/** Those of cgroup v2 are the whole machine's, and CRIU resets them when it mounts it for itself. */
function withoutCgroupOptions(line: string): string {
  return line.replace(/( - cgroup2 \S+) .*/, "$1");
}

/** Nothing for a process that ends between the listing and the look. */
function describeProcess(pid: number): string[] {
  try {
    return [`process ${pid}: ${commandLine(pid)}`];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // readFileSync throws nothing else
    if (code === "ENOENT" || code === "ESRCH") return [];
    throw error;
  }
}
