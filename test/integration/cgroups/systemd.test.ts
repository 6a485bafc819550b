// Runs beside other files.
import { existsSync, readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { stateRoot, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { refusal, runtime } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";

/** What it does where systemd runs is tested in test/vm/systemd. */
const testWithout = testIf(!existsSync("/run/systemd/system"), "needs a machine without systemd");

for (const command of ["create", "run"])
  testWithout(`${command} --systemd-cgroup without systemd says so, and leaves nothing`, () => {
    const call = { global: ["--systemd-cgroup"] };
    const outcome = runtime([command, "--bundle", bundle().path, uniqueId()], call);
    assert.match(refusal(outcome), /systemd.*not run/);
    assert.equal(readdirSync(stateRoot), []);
  });

test("a cgroupsPath for systemd without --systemd-cgroup is refused", () => {
  const { path } = bundle({ linux: { cgroupsPath: "system.slice:tsrun:box" } });
  assert.match(refusal(runtime(["create", "--bundle", path, uniqueId()])), /system\.slice:tsrun:box/);
});

leavesNothing();
test.run();
