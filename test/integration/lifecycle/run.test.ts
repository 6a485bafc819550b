// Runs beside other files.
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces, type Patch } from "../../harness/bundle.ts";
import { containerOf, ran } from "../../harness/container.ts";
import { freshDirectory, stateRoot, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { lives } from "../../harness/processes.ts";
import { complaint, runtime, silent, startRuntime } from "../../harness/runtime.ts";
import { spinUntil, waitUntil } from "../../harness/wait.ts";

const SLEEP = ["sleep", "60"];

/** A container that `run` makes, forced away after the test. */
function box(patch: Patch) {
  return containerOf(bundle(patch), uniqueId());
}

/** A foreground `run`, going on. */
function running(patch: Patch) {
  const one = box(patch);
  const run = startRuntime(["run", "--bundle", one.bundle.path, one.id]);
  return {
    ...one,
    run,
    prints: (text: string) => waitUntil(() => run.printed().stdout.includes(text), `run prints ${text}`),
    async [Symbol.asyncDispose]() {
      one[Symbol.dispose]();
      await run[Symbol.asyncDispose]();
    },
  };
}

for (const status of [0, 1, 3, 126, 255]) {
  test(`run exits with the program's status ${status}`, () => {
    assert.is(ran({ args: ["sh", "-c", `exit ${status}`] }).status, status);
  });
}

for (const [signal, number] of [
  ["KILL", 9],
  ["TERM", 15],
  ["SEGV", 11],
] as const) {
  test(`run exits with 128+${number} when SIG${signal} ends the program`, async () => {
    // process 1 of a PID namespace would be spared the default action of most, pid_namespaces(7)
    const linux = { namespaces: namespaces({ pid: false }) };
    await using one = running({ args: ["sh", "-c", "echo ready; exec sleep 60"], linux });
    await one.prints("ready");
    process.kill(one.pid(), `SIG${signal}`);
    const { status } = await one.run.ended();
    assert.is(status, 128 + number);
  });
}

test("stdout and stderr are the program's, apart", () => {
  const { stdout, stderr } = ran({ args: ["sh", "-c", "echo out; echo err >&2"] });
  assert.is(stdout, "out\n");
  assert.is(stderr, "err\n");
});

test("stdin is the program's, to its end", () => {
  const input = "line\n".repeat(50_000);
  assert.is(ran({ args: ["wc", "-l"] }, { input }).stdout, "50000\n");
});

test("what is typed later arrives later", async () => {
  await using one = running({ args: ["sh", "-c", "while read -r line; do echo got $line; done"] });
  one.run.child.stdin?.write("first\n");
  await one.prints("got first");
  one.run.child.stdin?.write("second\n");
  await one.prints("got second");
  one.run.child.stdin?.end();
  assert.is((await one.run.ended()).status, 0);
});

for (const signal of ["TERM", "INT", "HUP", "USR1", "USR2", "QUIT"] as const) {
  test(`SIG${signal} to a foreground run reaches the program`, async () => {
    const script = `trap "echo heard; exit 7" ${signal}; echo ready; while :; do sleep 0.02; done`;
    await using one = running({ args: ["sh", "-c", script] });
    await one.prints("ready");
    process.kill(one.run.pid, `SIG${signal}`);
    const { status, stdout } = await one.run.ended();
    assert.is(status, 7);
    assert.match(stdout, /heard/);
  });
}

test("a signal right after the program's first word reaches it", async () => {
  const made = bundle({ args: ["sh", "-c", 'trap "exit 7" TERM; echo ready; while :; do sleep 0.02; done'] });
  for (let round = 0; round < 20; round++) {
    using one = containerOf(made, uniqueId());
    await using run = startRuntime(["run", "--bundle", made.path, one.id]);
    spinUntil(() => run.printed().stdout !== "");
    process.kill(run.pid, "SIGTERM");
    assert.is((await run.ended()).status, 7);
  }
});

test("run takes everything away at the end", () => {
  const one = box({ args: ["true"] });
  assert.is(runtime(["run", "--bundle", one.bundle.path, one.id]).status, 0);
  assert.match(complaint(one.call("state")), /does not exist/);
  assert.not(existsSync(join(stateRoot, one.id)));
});

test("while run goes on, the container is running for everyone", async () => {
  await using one = running({ args: ["sh", "-c", "echo ready; exec sleep 60"] });
  await one.prints("ready");
  assert.is(one.state().status, "running");
  one.kill("KILL");
  assert.is((await one.run.ended()).status, 137);
});

test("run --detach returns while the program goes on, and says nothing", () => {
  using one = box({ args: SLEEP });
  const { stdout } = silent(runtime(["run", "--detach", "--bundle", one.bundle.path, one.id]));
  assert.is(stdout, "");
  assert.is(one.state().status, "running");
});

test("a detached container writes where run was told to", async () => {
  using one = box({ args: ["sh", "-c", "sleep 0.2; echo later"] });
  const outcome = silent(runtime(["run", "-d", "-b", one.bundle.path, one.id]));
  await one.until("stopped");
  assert.is(outcome.printed().stdout, "later\n");
});

test("run --keep leaves the stopped container to be looked at", () => {
  using one = box({ args: ["sh", "-c", "exit 5"] });
  assert.is(runtime(["run", "--keep", "--bundle", one.bundle.path, one.id]).status, 5);
  assert.is(one.state().status, "stopped");
  one.delete();
});

for (const [verb, ...flags] of [["create"], ["run", "--detach"]] as const) {
  test(`${verb} --pid-file holds the pid's digits and nothing else`, () => {
    using one = box({ args: SLEEP });
    const file = join(freshDirectory("pid"), "pid");
    silent(runtime([verb, ...flags, "--pid-file", file, "--bundle", one.bundle.path, one.id]));
    assert.is(readFileSync(file, "utf8"), String(one.pid()));
  });
}

test("a file or link beside the pid file stays what it is, whatever it is called", () => {
  using one = box({ args: SLEEP });
  const file = join(freshDirectory("pid"), "pid");
  writeFileSync(`${file}.own`, "own");
  symlinkSync(`${file}.own`, `${file}.new`);
  silent(runtime(["create", "--pid-file", file, "--bundle", one.bundle.path, one.id]));
  assert.is(readFileSync(file, "utf8"), String(one.pid()));
  assert.is(readFileSync(`${file}.new`, "utf8"), "own");
  assert.equal(readdirSync(dirname(file)).sort(), ["pid", "pid.new", "pid.own"]);
});

test("the bundle is the current directory without --bundle", () => {
  const { path } = bundle({ args: ["echo", "here"] });
  assert.is(runtime(["run", uniqueId()], { cwd: path }).stdout, "here\n");
});

test("a run that can't start its program leaves nothing, and no process", () => {
  const one = box({ args: ["/not/there"] });
  assert.ok(runtime(["run", "--bundle", one.bundle.path, one.id]).status !== 0);
  assert.match(complaint(one.call("state")), /does not exist/);
});

test("a foreground run that is killed leaves a container that delete --force takes away", async () => {
  await using one = running({ args: ["sh", "-c", "echo ready; exec sleep 60"] });
  await one.prints("ready");
  const pid = one.pid();
  process.kill(one.run.pid, "SIGKILL");
  await one.run.ended();
  assert.is(one.state().status, "running");
  one.delete("--force");
  assert.not(lives(pid));
});

test("many lines come through in order and whole", () => {
  const { stdout } = ran({ args: ["seq", "1", "20000"] });
  assert.is(stdout, Array.from({ length: 20_000 }, (_, n) => `${n + 1}\n`).join(""));
});

leavesNothing();
test.run();
