// Runs beside other files.
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { container, containerOf, created, started } from "../../harness/container.ts";
import { stateRoot, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, runtime, silent, startRuntime } from "../../harness/runtime.ts";
import { COLD } from "../../harness/served.ts";
import { spinUntil, waitUntil } from "../../harness/wait.ts";

const SLEEP = ["sleep", "60"];

// Ids

for (const start of ["0", "A-b_c.d+e", "_", "..", "x".repeat(180)]) {
  const id = `${start}${uniqueId()}`;
  test(`the id ${id} is accepted`, () => {
    using box = containerOf(bundle({ args: SLEEP }), id);
    silent(runtime(["create", "--bundle", box.bundle.path, "--", id]));
    assert.is(JSON.parse(silent(runtime(["state", "--", id])).stdout).id, id);
    silent(runtime(["delete", "--force", "--", id]));
  });
}

for (const id of ["", ".", "..", "a/b", "../a", "a b", "a\nb", "a\n", "ü", "a:b", "a@b", "*"]) {
  test(`the id ${JSON.stringify(id)} is refused`, () => {
    const { path } = bundle({ args: SLEEP });
    const before = readdirSync(stateRoot);
    complaint(runtime(["create", "--bundle", path, "--", id]));
    assert.equal(readdirSync(stateRoot), before);
  });
}

test("an id in use is refused, and its container goes on", () => {
  using box = started({ args: SLEEP });
  const before = box.state();
  assert.match(complaint(runtime(["create", "--bundle", box.bundle.path, box.id])), /exist|in use/);
  assert.match(complaint(runtime(["run", "--bundle", box.bundle.path, box.id])), /exist|in use/);
  assert.equal(box.state(), before);
});

testTsrun("of several creates of one id at the same time exactly one wins", async () => {
  for (let round = 0; round < 5; round++) {
    using box = container({ args: SLEEP });
    const racers = Array.from({ length: 4 }, () =>
      startRuntime(["create", "--bundle", box.bundle.path, box.id]),
    );
    const outcomes = await Promise.all(racers.map((racer) => racer.ended()));
    const losers = outcomes.filter((outcome) => outcome.status !== 0);
    assert.is(losers.length, 3, JSON.stringify(outcomes));
    for (const loser of losers) assert.match(complaint(loser), /exist|in use/);
    assert.is(box.state().status, "created");
  }
});

testTsrun("start while another start runs: exactly one wins", async () => {
  for (let round = 0; round < 5; round++) {
    using box = created({ args: ["sh", "-c", "echo once; sleep 60"] });
    const racers = Array.from({ length: 3 }, () => startRuntime(["start", box.id]));
    const outcomes = await Promise.all(racers.map((racer) => racer.ended()));
    assert.is(outcomes.filter(({ status }) => status === 0).length, 1, JSON.stringify(outcomes));
    await waitUntil(() => box.printed() === "once\n", "the program has run once");
  }
});

testTsrun(
  "a container whose creator was killed before it had a state is told, and removed by delete --force",
  () => {
    const id = uniqueId();
    mkdirSync(join(stateRoot, id), { recursive: true });
    assert.match(complaint(runtime(["state", id])), /has no state: its creator was killed, .*delete --force/);
    silent(runtime(["delete", "--force", id]));
    assert.match(complaint(runtime(["state", id])), /does not exist/);
  },
);

testTsrun(
  "a create whose directory was deleted, and made again by another, leaves that one alone",
  async () => {
    const { path } = bundle({ args: SLEEP });
    using box = containerOf({ path, rootfs: join(path, "rootfs"), config: {} }, uniqueId());
    await using slow = startRuntime(["create", "--bundle", path, box.id], { env: COLD });
    spinUntil(() => existsSync(join(stateRoot, box.id)));
    slow.child.kill("SIGSTOP");
    const deleted = box.call("delete");
    const created = box.call("create", "--bundle", path);
    slow.child.kill("SIGCONT");
    const { status } = await slow.ended();
    const winners = [status, created.status].filter((one) => one === 0);
    assert.is(winners.length, 1, `${deleted.stderr}${created.stderr}`);
    assert.is(box.state().status, "created");
  },
);

leavesNothing();
test.run();
