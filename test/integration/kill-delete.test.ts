import { readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespaces } from "../harness/bundle.ts";
import { type Container, created, started } from "../harness/container.ts";
import { stateRoot, uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { lives } from "../harness/processes.ts";
import { complaint, runtime, silent } from "../harness/runtime.ts";
import { waitUntil } from "../harness/wait.ts";

const SLEEP = ["sleep", "60"];

/** Says what it hears of, and goes on; `ready` comes first, so that a test knows when to speak. */
const LISTENER = [
  "sh",
  "-c",
  'for s in HUP INT USR1 TERM WINCH; do trap "echo $s" $s; done; echo ready; while :; do sleep 0.02; done',
];

function startedListener(): Container {
  return started({ args: LISTENER });
}

async function hears(box: Container, word: string): Promise<void> {
  await waitUntil(() => box.printed().split("\n").includes(word), `the container prints ${word}`);
}

// kill

test("kill sends SIGTERM unless told otherwise", async () => {
  using box = startedListener();
  await hears(box, "ready");
  box.kill();
  await hears(box, "TERM");
});

for (const [spelling, name] of [
  ["USR1", "USR1"],
  ["SIGUSR1", "USR1"],
  ["10", "USR1"],
  ["hup", "HUP"],
  ["SIGWINCH", "WINCH"],
  ["2", "INT"],
] as const) {
  test(`kill ${spelling} sends SIG${name}`, async () => {
    using box = startedListener();
    await hears(box, "ready");
    box.kill(spelling);
    await hears(box, name);
  });
}

for (const wrong of ["NOPE", "SIGNOPE", "-1", "99", "1.5"]) {
  test(`kill refuses the signal ${wrong}`, () => {
    using box = started({ args: SLEEP });
    complaint(runtime(["kill", box.id, "--", wrong]));
    assert.is(box.state().status, "running");
  });
}

test("kill KILL ends a container that only waits to be started", async () => {
  using box = created({ args: SLEEP });
  box.kill("KILL");
  await box.until("stopped");
});

test("kill --all reaches every process of a container in the caller's PID namespace", async () => {
  const script = "sleep 61 & echo $!; exec sleep 62";
  using box = started({ args: ["sh", "-c", script], linux: { namespaces: namespaces({ pid: false }) } });
  await waitUntil(() => box.printed().endsWith("\n"), "the container prints a pid");
  const child = Number(box.printed());
  assert.ok(lives(child), `process ${child} lives`);
  silent(runtime(["kill", "--all", box.id, "KILL"]));
  await waitUntil(() => !lives(child), `process ${child} is killed`);
});

test("kill --all of a stopped container succeeds", async () => {
  using box = started({ args: ["true"] });
  await box.until("stopped");
  silent(runtime(["kill", "--all", box.id, "KILL"]));
});

// delete

test("delete takes a stopped container away", async () => {
  using box = started({ args: ["true"] });
  await box.until("stopped");
  box.delete();
  assert.match(complaint(box.call("state")), /does not exist/);
  assert.not(readdirSync(stateRoot).includes(box.id));
});

test("an id is free again after delete", async () => {
  using box = started({ args: ["echo", "again"] });
  await box.until("stopped");
  box.delete();
  box.create();
  box.start();
  await box.until("stopped");
  assert.is(box.printed(), "again\n");
});

test("delete --force ends a running container and takes it away", () => {
  using box = started({ args: SLEEP });
  const pid = box.pid();
  box.delete("--force");
  assert.not(lives(pid));
  assert.match(complaint(box.call("state")), /does not exist/);
});

test("delete --force ends a created container and takes it away", () => {
  using box = created({ args: SLEEP });
  const pid = box.pid();
  box.delete("--force");
  assert.not(lives(pid));
  assert.match(complaint(box.call("state")), /does not exist/);
});

test("delete --force of a container that isn't there succeeds", () => {
  silent(runtime(["delete", "--force", uniqueId()]));
});

test("delete --force ends every process of a container in the caller's PID namespace", async () => {
  const script = "sleep 61 & echo $!; exec sleep 62";
  using box = started({ args: ["sh", "-c", script], linux: { namespaces: namespaces({ pid: false }) } });
  await waitUntil(() => box.printed().endsWith("\n"), "the container prints a pid");
  const child = Number(box.printed());
  box.delete("--force");
  await waitUntil(() => !lives(child), `process ${child} is killed`);
});

leavesNothing();
test.run();
