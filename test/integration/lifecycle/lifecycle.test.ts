// Runs beside other files.
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { container, containerOf, created, started } from "../../harness/container.ts";
import { freshDirectory, stateRoot, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { commandLine, exists, lives, status } from "../../harness/processes.ts";
import { complaint, runtime, silent, startRuntime } from "../../harness/runtime.ts";
import { COLD } from "../../harness/served.ts";
import { becomeSubreaper } from "../../harness/subreaper.ts";
import { spinUntil, waitUntil } from "../../harness/wait.ts";
import { without } from "../check/checked.ts";

const SLEEP = ["sleep", "60"];

// The four states

test("create leaves a process that waits, and runs nothing yet", () => {
  using box = created({ args: ["touch", "/ran"] });
  const state = box.state();
  assert.is(state.status, "created");
  assert.ok(lives(state.pid), `process ${state.pid} lives`);
  assert.not(existsSync(join(box.bundle.rootfs, "ran")));
});

testTsrun("a program that has the name of what waits is not taken for it", () => {
  using box = container({ args: ["/bin/tsrun:init"] });
  writeFileSync(join(box.bundle.rootfs, "bin/tsrun:init"), "#!/bin/sh\nsleep 60\n", { mode: 0o755 });
  box.create();
  const name = () => readFileSync(`/proc/${box.pid()}/comm`, "utf8");
  assert.equal([name(), box.state().status], ["tsrun:init\n", "created"]);
  box.start();
  assert.equal([name(), box.state().status], ["tsrun:init\n", "running"]);
  assert.match(complaint(box.call("start")), /running/);
});

testTsrun("what waits is not for others of its user to trace, whatever capabilities it still has", () => {
  for (const noNewPrivileges of [true, false]) {
    using box = created({ args: ["true"], process: { user: { uid: 1000, gid: 1000 }, noNewPrivileges } });
    const path = `/proc/${box.pid()}`;
    assert.equal([statSync(path).uid, statSync(`${path}/mem`).uid], [1000, 0]); // root's: it is not dumpable
  }
});

testTsrun("without a filter to load, what waits has config.json's sets of capabilities and no more", () => {
  const capabilities = {
    bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_PERFMON", "CAP_BPF"],
    permitted: ["CAP_CHOWN", "CAP_KILL", "CAP_PERFMON"],
    effective: ["CAP_CHOWN"],
    inheritable: ["CAP_KILL", "CAP_PERFMON"],
    ambient: ["CAP_PERFMON"],
  };
  using box = created({ args: SLEEP, process: { noNewPrivileges: false, capabilities } });
  const found = status(box.pid());
  for (const [set, bits] of [
    ["CapBnd", "000000c000000021"],
    ["CapPrm", "0000004000000021"],
    ["CapEff", "0000000000000001"],
    ["CapInh", "0000004000000020"],
    ["CapAmb", "0000004000000000"],
  ] as const)
    assert.is(found.get(set), bits, set);
});

testTsrun("what is being set up is not for others of its user to trace", () => {
  const seen = join(freshDirectory("hook"), "seen");
  const pid = `sed 's/.*"pid":\\([0-9]*\\).*/\\1/'`;
  const hook = `{ readlink /proc/self/exe; readlink /proc/$(${pid})/exe || echo refused; } >${seen}`;
  const createRuntime = [{ path: "/bin/sh", args: ["sh", "-c", hook] }];
  using box = container({ args: SLEEP, hooks: { createRuntime } });
  box.create(without("sys_ptrace")); // nobody else could have that, either
  const [own, its] = readFileSync(seen, "utf8").split("\n");
  assert.match(own ?? "", /readlink|busybox|coreutils/);
  assert.is(its, "refused");
});

test("the pid file is written by its owner alone, whatever the caller's umask", () => {
  using box = container({ args: SLEEP });
  box.create({ through: ["sh", "-c", 'umask 0; exec "$@"', "sh"] });
  assert.is(statSync(box.pidFile).mode & 0o777, 0o644);
});

test("what waits has no id but its user's, and no group of the caller's", () => {
  const user = { uid: 1000, gid: 1001, additionalGids: [7] };
  using box = container({ args: SLEEP, process: { user } });
  box.create({ through: ["setpriv", "--groups", "50,60", "--"] });
  const found = status(box.pid());
  assert.is(found.get("Uid"), "1000\t1000\t1000\t1000"); // real, effective, saved, of the file system
  assert.is(found.get("Gid"), "1001\t1001\t1001\t1001");
  assert.is(found.get("Groups"), "7");
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
  const seen = [1, 2, 3].map(() => {
    using box = started({ args: SLEEP });
    return commandLine(box.pid());
  });
  // In brackets while the kernel has the name, and not yet the arguments. A moment before, execve(2) gives up the old
  // memory, and so wakes tsrun.
  assert.ok(
    seen.some((line) => /^(sleep 60|\[sleep\])$/.test(line)),
    `${seen}`,
  );
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

testTsrun("a start that the kernel refuses returns once the init is reaped", async () => {
  using parent = becomeSubreaper();
  using box = container({ args: ["/tool"] });
  const tool = join(box.bundle.rootfs, "tool");
  copyFileSync(join(box.bundle.rootfs, "bin/busybox"), tool);
  box.create();
  rmSync(tool);
  const pid = box.pid();
  await using start = startRuntime(["start", box.id]);
  await waitUntil(() => !lives(pid), `process ${pid} has ended`);
  const first = await Promise.race([start.ended().then(() => "it ended"), Bun.sleep(100)]);
  parent.reap(pid);
  assert.is(first, undefined);
  assert.match(
    complaint(await start.ended()),
    /cannot exec \/tool: no such file or directory \(execve: ENOENT\)/,
  );
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
    await using create = startRuntime(["create", "--bundle", made.path, box.id], { env: COLD });
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

testTsrun("a create that stands still for a moment goes on", async () => {
  const made = bundle({ args: SLEEP });
  for (let round = 0; round < 5; round++) {
    using box = containerOf(made, uniqueId());
    await using create = startRuntime(["create", "--bundle", made.path, box.id]);
    spinUntil(() => existsSync(join(stateRoot, box.id)));
    create.child.kill("SIGSTOP");
    await Bun.sleep(300);
    create.child.kill("SIGCONT");
    assert.is((await create.ended()).status, 0);
    assert.is(box.state().status, "created");
  }
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
    assert.match(complaint(runtime([verb, uniqueId()])), /container does not exist/);
  });
}

test("what a container's state forbids is refused in runc's words, which others look for", async () => {
  using box = container({ args: ["sleep", "60"] });
  box.create();
  const again = runtime(["create", "--bundle", box.bundle.path, box.id]);
  assert.match(complaint(again), /container with given ID already exists/);
  box.start();
  assert.match(complaint(box.call("start")), /cannot start an already running container/);
  assert.match(complaint(box.call("delete")), /cannot delete container \S+ that is not stopped: running/);
  box.kill("KILL");
  await box.until("stopped");
  assert.match(complaint(box.call("start")), /cannot start a container that has stopped/);
  assert.match(complaint(box.exec("true")), /cannot exec in a stopped container/);
  assert.match(complaint(box.call("kill")), /container not running/);
});

leavesNothing();
test.run();

/** A process with just this pid, a `sleep`; PID namespaces let their owner say which number comes next. */
function processWithPid(pid: number) {
  writeFileSync("/proc/sys/kernel/ns_last_pid", String(pid - 1));
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  return { pid: child.pid, [Symbol.dispose]: () => child.kill("SIGKILL") };
}
