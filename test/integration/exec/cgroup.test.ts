// Runs beside other files.
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespaces } from "../../harness/bundle.ts";
import { cgroup2Controllers, cgroup2Mount, cgroup2Of, removeCgroups } from "../../harness/cgroups.ts";
import { type Container, started } from "../../harness/container.ts";
import { isTsrun, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, type Outcome, runtime, startRuntime, succeeded } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import { waitUntil } from "../../harness/wait.ts";

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

/** Moves a container's init to another cgroup, as a program that manages cgroups or the host's root may. */
function moveInit(box: Container, cgroup: string): void {
  mkdirSync(cgroup, { recursive: true });
  writeFileSync(join(cgroup, "cgroup.procs"), `${box.pid()}`);
}

/** A container whose init is in `init`, a cgroup below the container's. */
function withMovedInit(resources = {}) {
  const box = started({ args: SLEEP, linux: { resources } });
  const cgroup = cgroup2Of(box.pid());
  moveInit(box, join(cgroup, "init"));
  return { box, cgroup, [Symbol.dispose]: () => box[Symbol.dispose]() };
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

test("without --cgroup exec runs in the container's, also when its process has moved below it", () => {
  using moved = withMovedInit();
  assert.is(below(moved.box, succeeded(moved.box.exec(...WHERE))), "");
});

test("exec does not wait for a cgroup that the container's process alone is frozen in", () => {
  using moved = withMovedInit();
  writeFileSync(join(moved.cgroup, "init/cgroup.freeze"), "1");
  assert.is(below(moved.box, succeeded(moved.box.exec(...WHERE))), "");
});

const PASSED_ON = { hugepageLimits: [{ pageSize: "2MB", limit: 4_194_304 }] };
const passesOn = cgroup2Controllers().has("hugetlb");
testIf(passesOn, "needs cgroup controller hugetlb")(
  "exec runs beside the container's process when the container's cgroup can have none itself",
  () => {
    using moved = withMovedInit(PASSED_ON);
    writeFileSync(join(moved.cgroup, "cgroup.subtree_control"), "+hugetlb");
    assert.is(below(moved.box, succeeded(moved.box.exec(...WHERE))), "/init");
  },
);

test("exec runs beside the container's process when the container's cgroup has gone, and events says so", async () => {
  const name = uniqueId();
  const elsewhere = join(cgroup2Mount(), name);
  try {
    using box = started({ args: SLEEP });
    const cgroup = cgroup2Of(box.pid());
    moveInit(box, elsewhere);
    rmdirSync(cgroup);
    assert.ok(succeeded(box.exec(...WHERE)).stdout.includes(`0::/${name}\n`));
    const events = complaint(runtime(["events", "--stats", box.id]));
    assert.match(events, "cgroup");
    assert.not.match(events, "not running");
    box.kill("KILL"); // nothing of the container leads there
    await box.until("stopped");
  } finally {
    await removeCgroups(name);
  }
});

testIf(passesOn && isTsrun, "needs cgroup controller hugetlb")(
  "exec is refused where it would wait in a frozen cgroup, but for --ignore-paused",
  async () => {
    using moved = withMovedInit(PASSED_ON);
    const { box, cgroup } = moved;
    writeFileSync(join(cgroup, "cgroup.subtree_control"), "+hugetlb");
    mkdirSync(join(cgroup, "jobs"));
    for (const frozen of ["init", "jobs"]) writeFileSync(join(cgroup, frozen, "cgroup.freeze"), "1");
    const events = () => readFileSync(join(cgroup, "init/cgroup.events"), "utf8");
    await waitUntil(() => events().includes("frozen 1"), "the init is frozen");
    assert.match(complaint(box.exec("true")), /\/init is frozen: write 0 to its cgroup\.freeze/);
    assert.match(complaint(execIn(box, ["/jobs"])), /\/jobs is frozen: write 0 to its cgroup\.freeze/);
    await using waiting = startRuntime(["exec", "--ignore-paused", box.id, "echo", "thawed"]);
    await Bun.sleep(200);
    assert.is(waiting.printed().stdout, "");
    writeFileSync(join(cgroup, "init/cgroup.freeze"), "0");
    await waiting.ended();
    assert.is(waiting.printed().stdout, "thawed\n");
  },
);

for (const [what, cgroups, why] of [
  ["that isn't there", ["/nowhere"], /--cgroup \/nowhere: the container has no such cgroup: .*ENOENT/],
  [
    "outside the container's",
    ["../other"],
    /--cgroup \.\.\/other: bad sub cgroup path: .* below the container's/,
  ],
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
