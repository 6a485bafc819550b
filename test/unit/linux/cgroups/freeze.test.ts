// Runs beside other files.
// A cgroup whose processes don't all stop: only a kernel in trouble has one, so these are plain files.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SIGKILL } from "../../../../src/kernel/constants.ts";
import { freeze } from "../../../../src/linux/cgroups/freeze.ts";
import { signalAll } from "../../../../src/linux/cgroups/kill.ts";
import { FakeHierarchy } from "./fake-cgroup.ts";

const neverFrozen = (state: "0" | "1", procs = "") =>
  new FakeHierarchy({
    "box/cgroup.freeze": `${state}\n`,
    "box/cgroup.events": "populated 1\nfrozen 0\n",
    "box/cgroup.procs": procs,
  });

test("a cgroup that does not freeze in time is thawed again", async () => {
  using cgroups = neverFrozen("0");
  assert.not(await freeze(join(cgroups.mount, "box"), 30));
  assert.is(cgroups.read("box/cgroup.freeze").trim(), "0");
});

for (const [what, state] of [
  ["does not freeze is thawed again", "0"],
  ["was frozen before stays so", "1"],
] as const)
  test(`signals reach all in a cgroup, and one that ${what}`, async () => {
    const child = spawn("sleep", ["60"]);
    const ended = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
    using cgroups = neverFrozen(state, `${child.pid}\n`);
    assert.ok(await signalAll(join(cgroups.mount, "box"), SIGKILL));
    assert.is(await ended, "SIGKILL");
    assert.is(cgroups.read("box/cgroup.freeze").trim(), state);
  });

test.run();
