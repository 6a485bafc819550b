// Runs beside other files.
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces } from "../../harness/bundle.ts";
import { cgroup2Mount, removeCgroups } from "../../harness/cgroups.ts";
import { compiled, testCompiled } from "../../harness/compile.ts";
import { type Container, container, containerOf, created, started } from "../../harness/container.ts";
import { isTsrun, stateRoot, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command } from "../../harness/mount.ts";
import { commandLine, lives, processes, status } from "../../harness/processes.ts";
import { complaint, runtime, silent, startRuntime, succeeded } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";

const leaderless = compiled("test/integration/lifecycle/leaderless.c");

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

for (const signal of ["HUP", "INT", "QUIT", "TERM"]) {
  test(`kill ${signal} does so, too`, async () => {
    using box = created({ args: SLEEP });
    box.kill(signal);
    await box.until("stopped");
  });
}

/** A container in the caller's PID namespace, whose init has a child. */
const startedWithChild = () =>
  started({
    args: ["sh", "-c", "sleep 61 & echo $!; exec sleep 62"],
    linux: { namespaces: namespaces({ pid: false }) },
  });

async function childOf(box: Container): Promise<number> {
  await waitUntil(() => box.printed().endsWith("\n"), "the container prints a pid");
  return Number(box.printed());
}

test("kill --all reaches every process of a container in the caller's PID namespace", async () => {
  using box = startedWithChild();
  const child = await childOf(box);
  assert.ok(lives(child), `process ${child} lives`);
  silent(runtime(["kill", "--all", box.id, "KILL"]));
  await waitUntil(() => !lives(child), `process ${child} is killed`);
});

testTsrun("KILL alone reaches them too, since the kernel would not end them with the init", async () => {
  using box = startedWithChild();
  const child = await childOf(box);
  box.kill("KILL");
  await waitUntil(() => !lives(child), `process ${child} is killed`);
});

testTsrun("KILL reaches them also when the init has ended before; there is nobody left then", async () => {
  const script = "sleep 61 & echo $!";
  using box = started({ args: ["sh", "-c", script], linux: { namespaces: namespaces({ pid: false }) } });
  await box.until("stopped");
  const child = Number(box.printed());
  assert.match(complaint(runtime(["kill", box.id, "TERM"])), /container not running/);
  assert.ok(lives(child), `process ${child} lives`);
  box.kill("KILL");
  await waitUntil(() => !lives(child), `process ${child} is killed`);
  assert.match(complaint(runtime(["kill", box.id, "KILL"])), /container not running/);
});

testTsrun(
  "kill --all, and KILL without a PID namespace, reach an init that is in another cgroup",
  async () => {
    const name = uniqueId();
    const elsewhere = join(cgroup2Mount(), name);
    try {
      using box = started({ args: LISTENER, linux: { namespaces: namespaces({ pid: false }) } });
      await hears(box, "ready");
      mkdirSync(elsewhere);
      writeFileSync(join(elsewhere, "cgroup.procs"), `${box.pid()}`);
      silent(runtime(["kill", "--all", box.id, "USR1"]));
      await hears(box, "USR1");
      assert.is(box.printed().match(/USR1/g)?.length, 1);
      box.kill("KILL");
      await box.until("stopped");
    } finally {
      await removeCgroups(name);
    }
  },
);

test("kill --all of a stopped container succeeds", async () => {
  using box = started({ args: ["true"] });
  await box.until("stopped");
  silent(runtime(["kill", "--all", box.id, "KILL"]));
});

testTsrun("kill --all of a stopped container spares one that has its cgroup by now", async () => {
  const linux = { cgroupsPath: `/${uniqueId()}` };
  using first = started({ args: ["true"], linux });
  await first.until("stopped");
  using second = started({ args: SLEEP, linux });
  silent(runtime(["kill", "--all", first.id, "KILL"]));
  await Bun.sleep(50);
  assert.is(second.state().status, "running");
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

testTsrun("delete takes nothing of a rootfs away that a restore has left mounted", () => {
  using box = created({ args: SLEEP });
  const place = join(stateRoot, box.id, "criu-root");
  mkdirSync(place);
  command("mount", "--bind", box.bundle.rootfs, place); // delete unmounts it
  const before = readdirSync(box.bundle.rootfs).sort();
  box.delete("--force");
  assert.equal(readdirSync(box.bundle.rootfs).sort(), before);
  assert.not(existsSync(place));
});

test("delete --force of a container that isn't there succeeds", () => {
  silent(runtime(["delete", "--force", uniqueId()]));
});

test("delete --force ends every process of a container in the caller's PID namespace", async () => {
  using box = startedWithChild();
  const child = await childOf(box);
  box.delete("--force");
  await waitUntil(() => !lives(child), `process ${child} is killed`);
});

testCompiled("a program whose first thread has ended runs, and can be killed and deleted", async () => {
  const made = bundle({ args: ["/bin/leaderless"] });
  copyFileSync(leaderless, join(made.rootfs, "bin/leaderless"));
  for (const end of ["kill", "delete"] as const) {
    using box = containerOf(made, uniqueId());
    box.create();
    box.start();
    await waitUntil(
      () => status(box.pid()).get("State")?.startsWith("Z") ?? false,
      "its first thread has ended",
    );
    assert.is(box.state().status, "running");
    if (end === "kill") {
      silent(runtime(["kill", box.id, "KILL"]));
      await box.until("stopped");
    } else box.delete("--force");
  }
});

test("delete of a stopped container spares one that has its cgroup by now", async () => {
  const linux = { cgroupsPath: `/${uniqueId()}` };
  using first = started({ args: ["true"], linux });
  await first.until("stopped");
  using second = started({ args: SLEEP, linux });
  const { stderr } = succeeded(first.call("delete"));
  if (isTsrun)
    assert.match(stderr, /^tsrun: warning: the cgroup .* stays: it has processes that are not of /);
  assert.is(second.state().status, "running");
});

for (const pid of [true, false])
  testTsrun(
    `delete --force ends a start that hangs in a hook, ${pid ? "with" : "without"} a PID namespace`,
    async () => {
      const hooks = { startContainer: [{ path: "/bin/sleep", args: ["sleep", "60"] }] };
      using box = container({ args: SLEEP, hooks, linux: { namespaces: namespaces({ pid }) } });
      box.create();
      await using starting = startRuntime(["start", box.id]);
      await waitUntil(() => processes().some((one) => commandIs(one, "sleep 60")), "its hook runs");
      box.delete("--force"); // before the lock is free
      assert.is((await starting.ended()).status, 1);
      assert.match(complaint(box.call("state")), /does not exist/);
    },
  );

testTsrun("delete without --force spares a container that is being started", async () => {
  const hooks = { startContainer: [{ path: "/bin/sleep", args: ["sleep", "1"] }] };
  using box = container({ args: SLEEP, hooks });
  box.create();
  await using starting = startRuntime(["start", box.id]);
  await waitUntil(() => processes().some((pid) => commandIs(pid, "sleep 1")), "its hook runs");
  assert.match(complaint(box.call("delete")), /that is not stopped: running; stop it first/);
  silent(await starting.ended());
  assert.is(box.state().status, "running");
});

function commandIs(pid: number, wanted: string): boolean {
  try {
    return commandLine(pid) === wanted;
  } catch {
    return false; // it has just ended
  }
}

leavesNothing();
test.run();
