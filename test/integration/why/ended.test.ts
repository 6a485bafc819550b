// Runs beside other files.
// What `state` says of why a container has stopped.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { container, started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, silent, startRuntime } from "../../harness/runtime.ts";
import { becomeSubreaper } from "../../harness/subreaper.ts";
import { waitUntil } from "../../harness/wait.ts";

const stateOf = (id: string) => JSON.parse(silent(runtime(["state", id])).stdout);

/** How a container ended that `run --keep` has waited for. */
function keptEnd(script: string) {
  using box = container({ args: ["sh", "-c", script], process: { user: { uid: 7 } } });
  runtime(["run", "--keep", "--bundle", box.bundle.path, box.id]);
  const { status, pid, ended } = stateOf(box.id);
  assert.equal([status, pid], ["stopped", 0]);
  return ended;
}

testTsrun("run --keep has seen the exit status", () => {
  assert.equal(keptEnd("exit 5"), { reason: "exited with status 5", exitStatus: 5 });
  assert.equal(keptEnd("exit 0"), { reason: "exited with status 0", exitStatus: 0 });
  assert.equal(keptEnd("exit 137"), { reason: "exited with status 137", exitStatus: 137 });
});

testTsrun("run --keep has seen the signal, which is no exit status", async () => {
  using box = container({ args: ["sh", "-c", "echo ready; exec sleep 60"] });
  await using run = startRuntime(["run", "--keep", "--bundle", box.bundle.path, box.id]);
  await waitUntil(() => run.printed().stdout === "ready\n", "it runs");
  box.kill("KILL");
  assert.is((await run.ended()).status, 137);
  assert.equal(stateOf(box.id).ended, { reason: "killed by SIGKILL", signal: "SIGKILL" });
});

testTsrun("what the init's parent has not asked for yet is told, until it asks", async () => {
  using parent = becomeSubreaper();
  using exited = started({ args: ["sh", "-c", "exit 7"] });
  using killed = started({ args: ["sleep", "60"] });
  killed.kill("KILL");
  for (const [box, ended] of [
    [exited, { reason: "exited with status 7", exitStatus: 7 }],
    [killed, { reason: "killed by SIGKILL", signal: "SIGKILL" }],
  ] as const) {
    await box.until("stopped");
    assert.equal(stateOf(box.id).ended, ended);
    parent.reap(box.pid());
    assert.is(stateOf(box.id).ended, undefined);
  }
});

testTsrun("state is what it was where nobody knows, and for a container that runs", async () => {
  const known = ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "owner"];
  using box = started({ args: ["sleep", "60"] });
  assert.equal(Object.keys(stateOf(box.id)), known);
  box.kill("KILL");
  await box.until("stopped");
  using gone = started();
  await gone.until("stopped");
  for (const { id } of [box, gone]) {
    const { ended, ...rest } = stateOf(id);
    assert.equal(Object.keys(rest), known);
    assert.equal(rest.pid, 0);
    if (ended !== undefined) assert.type(ended.reason, "string"); // it is not reaped yet
  }
});

leavesNothing();
test.run();
