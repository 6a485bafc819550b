// Runs beside other files.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespaces } from "../harness/bundle.ts";
import { cgroup2Of } from "../harness/cgroups.ts";
import { type Container, started } from "../harness/container.ts";
import { testTsrun } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { complaint, type Outcome, runtime, succeeded } from "../harness/runtime.ts";

const SLEEP = ["sleep", "60"];
const WHERE = ["cat", "/proc/self/cgroup"];

/** `exec --cgroup …` in a container with the cgroup `jobs/one` below its own. */
function execIn(box: Container, cgroups: readonly string[], command = WHERE): Outcome {
  mkdirSync(join(cgroup2Of(box.pid()), "jobs/one"), { recursive: true });
  return runtime(["exec", ...cgroups.flatMap((path) => ["--cgroup", path]), box.id, ...command]);
}

/** The cgroup v2 that a container's program prints, below the container's. */
function below(box: Container, { stdout }: Outcome): string {
  const whole = stdout.match(/^0::(.*)$/m)?.[1] ?? "";
  return whole.slice(whole.indexOf(box.id) + box.id.length);
}

for (const [path, seen] of [
  ["jobs/one", "/jobs/one"],
  ["/jobs/one", "/jobs/one"],
  ["/jobs/./one/", "/jobs/one"],
  ["/jobs", "/jobs"],
  ["/", ""],
] as const) {
  test(`exec --cgroup ${path} runs in that cgroup below the container's`, () => {
    using box = started({ args: SLEEP });
    assert.is(below(box, succeeded(execIn(box, [path]))), seen);
  });
}

test("exec --cgroup means the container's own cgroup in a cgroup namespace, too", () => {
  using box = started({ args: SLEEP, linux: { namespaces: namespaces({ cgroup: true }) } });
  assert.match(succeeded(execIn(box, ["/jobs"])).stdout, /^0::\/jobs$/m);
});

test("without --cgroup exec runs where the container's process is", () => {
  using box = started({ args: SLEEP });
  assert.is(below(box, succeeded(execIn(box, []))), "");
});

for (const [what, cgroups, why] of [
  ["that isn't there", ["/nowhere"], /--cgroup \/nowhere: the container has no such cgroup: .*ENOENT/],
  ["outside the container's", ["../other"], /--cgroup \.\.\/other: is not below the container's cgroup/],
  ["of a controller", ["cpu:/jobs"], /--cgroup cpu:\/jobs: cgroup v2 has no cgroups of cpu alone/],
  ["twice", ["/jobs", "/jobs/one"], /--cgroup \/jobs: .*leave out --cgroup \/jobs\/one/],
] as const) {
  testTsrun(`exec --cgroup ${what} is refused with 255`, () => {
    using box = started({ args: SLEEP });
    const outcome = execIn(box, cgroups);
    assert.is(outcome.status, 255);
    assert.match(complaint(outcome), why);
  });
}

leavesNothing();
test.run();
