// Runs beside other files.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroupsNamed, removeCgroups } from "../harness/cgroups.ts";
import { freshDirectory, project } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { processes } from "../harness/processes.ts";
import { readIfThere } from "../harness/read-if-there.ts";
import { testToken } from "../harness/run-file.ts";
import { waitUntil } from "../harness/wait.ts";

/** Starts a daemon on its machine, as callers' tests do, and never ends. */
const ENDLESS = `
  Bun.spawn(["sleep", "97531"]);
  setInterval(() => {}, 1000);
`;

/** Runs the tests' runner with such a file, and gives it the signal once the daemon is there. */
async function interrupted(signal: NodeJS.Signals): Promise<{ status: number; temporary: string }> {
  const directory = freshDirectory("tests");
  const temporary = join(directory, "tmp");
  mkdirSync(temporary);
  mkdirSync(join(directory, "test/callers"), { recursive: true });
  const file = join(directory, "test/callers/endless.test.ts");
  writeFileSync(file, ENDLESS);
  const runner = Bun.spawn([process.execPath, join(project, "test/run.ts"), file], {
    stdio: ["ignore", "ignore", "ignore"],
    env: { ...process.env, TMPDIR: temporary, RUNS: "cold" }, // a second machine might only just be starting
  });
  await waitUntil(() => daemons() === 1, "the daemon runs");
  runner.kill(signal);
  return { status: await runner.exited, temporary };
}

function daemons(): number {
  return processes().filter((pid) => readIfThere(`/proc/${pid}/cmdline`) === "sleep\u000097531\u0000").length;
}

for (const signal of ["SIGINT", "SIGTERM"] as const)
  test(`tests that ${signal} ends leave no daemon, file or cgroup`, async () => {
    const { status, temporary } = await interrupted(signal);
    assert.is(status, 130);
    assert.is(daemons(), 0);
    assert.equal(readdirSync(temporary), []);
  });

test("even SIGKILL leaves no daemon, but an empty directory and empty cgroups", async () => {
  const { temporary } = await interrupted("SIGKILL");
  await waitUntil(() => daemons() === 0, "the daemon has ended");
  const [directory = ""] = readdirSync(temporary);
  const token = testToken(join(temporary, directory));
  assert.ok(cgroupsNamed(token).length > 0);
  await removeCgroups(token);
  assert.equal(cgroupsNamed(token), []);
});

leavesNothing();
test.run();
