// Runs beside other files.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces } from "../harness/bundle.ts";
import { type Container, container, containerOf, created, started } from "../harness/container.ts";
import { stateRoot, testTsrun, uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { commandLine, exists, lives, status } from "../harness/processes.ts";
import { complaint, runtime, silent, startRuntime } from "../harness/runtime.ts";
import { becomeSubreaper } from "../harness/subreaper.ts";
import { spinUntil, waitUntil } from "../harness/wait.ts";

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

// The four states

test("create leaves a process that waits, and runs nothing yet", () => {
  using box = created({ args: ["touch", "/ran"] });
  const state = box.state();
  assert.is(state.status, "created");
  assert.ok(lives(state.pid), `process ${state.pid} lives`);
  assert.not(existsSync(join(box.bundle.rootfs, "ran")));
});

test("start lets that very process become the program", async () => {
  using box = created({ args: SLEEP });
  const { pid } = box.state();
  box.start();
  const after = box.state();
  assert.is(after.status, "running");
  assert.is(after.pid, pid);
  await waitUntil(() => commandLine(pid) === "sleep 60", `process ${pid} is sleep`);
});

testTsrun("start returns only when the program has been executed", () => {
  using box = started({ args: SLEEP });
  assert.is(commandLine(box.pid()), "sleep 60");
});

test("a container whose program has ended is stopped, and has no pid", async () => {
  using box = started({ args: ["true"] });
  await box.until("stopped");
  assert.is(box.state().pid, 0);
});

test("a created container whose waiting process was killed is stopped", async () => {
  using box = created({ args: SLEEP });
  process.kill(box.pid(), "SIGKILL");
  await box.until("stopped");
  assert.match(complaint(box.call("start")), /start|stopped/);
  assert.is(box.state().status, "stopped");
});

test("a container whose init is a zombie that nobody reaps is stopped", async () => {
  using parent = becomeSubreaper();
  using box = started({ args: SLEEP });
  const pid = box.pid();
  process.kill(pid, "SIGKILL");
  await waitUntil(() => !lives(pid), `process ${pid} has ended`);
  assert.ok(exists(pid), `process ${pid} is a zombie`);
  assert.is(box.state().status, "stopped");
  box.delete();
  parent.reap(pid);
});

test("another process with the pid of a dead init does not pass for it", async () => {
  using box = started({ args: SLEEP });
  const pid = box.pid();
  process.kill(pid, "SIGKILL");
  await waitUntil(() => !exists(pid), `process ${pid} is reaped`);

  using impostor = processWithPid(pid);
  assert.is(impostor.pid, pid);
  assert.is(box.state().status, "stopped");
  box.call("kill", "KILL");
  box.delete("--force");
  assert.ok(lives(pid), "the impostor was left alone");
});

test("state tells what runtime-spec asks for", () => {
  using box = created({ args: SLEEP, annotations: { "org.example.key": "value" } });
  const state = box.state();
  assert.match(state.ociVersion, /^1\.\d+\.\d+/);
  assert.is(state.id, box.id);
  assert.is(state.bundle, box.bundle.path);
  assert.is(state.rootfs, box.bundle.rootfs);
  assert.equal(state.annotations, { "org.example.key": "value" });
  assert.match(state.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
});

test("state speaks of the bundle by its absolute path", () => {
  const { path } = bundle({ args: SLEEP });
  using box = containerOf({ path, rootfs: join(path, "rootfs"), config: {} }, uniqueId());
  silent(runtime(["create", box.id], { cwd: path }));
  assert.is(box.state().bundle, path);
});

testTsrun("while create is at work the container is creating, or not there yet", async () => {
  const made = bundle({ args: SLEEP });
  const seen = new Set<string>();
  for (let round = 0; round < 12 && !seen.has("creating"); round++) {
    using box = containerOf(made, uniqueId());
    await using create = startRuntime(["create", "--bundle", made.path, box.id]);
    const first = join(stateRoot, box.id, round === 0 ? "." : "state.json");
    spinUntil(() => existsSync(first));
    create.child.kill("SIGSTOP");
    const { status, stdout, stderr } = box.call("state");
    if (status === 0) seen.add(JSON.parse(stdout).status);
    else
      assert.match(
        stderr,
        /does not exist|has no state yet: it is being created|has no state: .*, or has just begun/,
      );
    create.child.kill("SIGCONT");
    assert.is((await create.ended()).status, 0);
    assert.is(box.state().status, "created");
  }
  seen.delete("created");
  assert.equal([...seen], ["creating"]);
});

testTsrun("a waiting container takes no more than 64 kB of memory", () => {
  using box = created({ args: SLEEP });
  const resident = status(box.pid()).get("VmRSS") ?? "";
  assert.ok(Number.parseInt(resident, 10) <= 64, resident);
});

// A verb in the wrong state changes nothing

test("a running container is not started again", () => {
  using box = started({ args: SLEEP });
  const before = box.state();
  complaint(box.call("start"));
  assert.equal(box.state(), before);
});

test("a stopped container is not started again", async () => {
  using box = started({ args: ["sh", "-c", "echo once"] });
  await box.until("stopped");
  complaint(box.call("start"));
  assert.is(box.state().status, "stopped");
  assert.is(box.printed(), "once\n");
});

test("a running container is not deleted without --force", () => {
  using box = started({ args: SLEEP });
  const before = box.state();
  complaint(box.call("delete"));
  assert.equal(box.state(), before);
  assert.ok(lives(before.pid), "its init goes on");
});

test("a stopped container is not signalled", async () => {
  using box = started({ args: ["true"] });
  await box.until("stopped");
  assert.match(
    complaint(runtime(["kill", box.id, "KILL"])),
    /container not running|process already finished/,
  );
  assert.is(box.state().status, "stopped");
});

for (const verb of ["start", "state", "kill", "delete"]) {
  test(`${verb} of a container that isn't there says that it does not exist`, () => {
    assert.match(complaint(runtime([verb, uniqueId()])), /does not exist/);
  });
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

leavesNothing();
test.run();

/** A process with just this pid, a `sleep`; PID namespaces let their owner say which number comes next. */
function processWithPid(pid: number) {
  writeFileSync("/proc/sys/kernel/ns_last_pid", String(pid - 1));
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  return { pid: child.pid, [Symbol.dispose]: () => child.kill("SIGKILL") };
}
