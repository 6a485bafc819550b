import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { JsonObject } from "../../harness/bundle.ts";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { type Container, container } from "../../harness/container.ts";
import { freshDirectory } from "../../harness/environment.ts";
import { type Call, type Outcome, runtime } from "../../harness/runtime.ts";

/** Longer than a file takes where processors are emulated. */
export const SLEEP = ["sleep", "600"];

/** One container for most of the tests of a file: exec leaves it as it was. */
export const box: Container = container({
  args: SLEEP,
  process: { env: ["PATH=/bin", "OWN=1"], cwd: "/etc" },
});

test.before(() => {
  box.create();
  box.start();
});

/** `exec FLAGS ID ARGS…` in the shared container. */
export function exec(flags: readonly string[], args: readonly string[], call: Call = {}): Outcome {
  return runtime(["exec", ...flags, box.id, ...args], call);
}

/** `exec --process FILE ID`, with a process as exec takes it, changed. */
export function execProcess(changes: JsonObject, ...flags: string[]): Outcome {
  const file = join(freshDirectory("process"), "process.json");
  const process = { user: { uid: 0, gid: 0 }, args: ["true"], env: ["PATH=/bin"], cwd: "/", ...changes };
  writeFileSync(file, JSON.stringify(process));
  return exec(["--process", file, ...flags], []);
}

/** Adds the test that the container is there still; it is deleted then. */
export function leavesBox(): void {
  test("after all this the container is as it was, with its init alone", async () => {
    using same = box;
    assert.is(same.state().status, "running");
    const directory = cgroup2Of(same.pid());
    assert.is(readFileSync(join(directory, "cgroup.procs"), "utf8"), `${same.pid()}\n`);
  });
}
