// Runs beside other files.
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespaces } from "../../harness/bundle.ts";
import { created, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { commandLine, lives, namespaceOf } from "../../harness/processes.ts";
import { complaint, runtime, silent, startRuntime, succeeded } from "../../harness/runtime.ts";
import { spinUntil, waitUntil } from "../../harness/wait.ts";
import { box, exec, execProcess, leavesBox, SLEEP } from "./box.ts";

test("exec runs a program in the container's namespaces, root and cgroup", () => {
  const script = "for kind in pid net ipc uts mnt; do readlink /proc/self/ns/$kind; done";
  const seen = succeeded(exec([], ["sh", "-c", script]))
    .stdout.trim()
    .split("\n");
  const files = ["pid", "net", "ipc", "uts", "mnt"] as const;
  assert.equal(
    seen,
    files.map((file) => namespaceOf(box.pid(), file)),
  );
});

for (const flags of [[], ["--tty"]])
  testTsrun(`exec ${flags.join(" ")} of a caller without standard streams has others in their place`, () => {
    const file = join(box.bundle.rootfs, "tmp/streams");
    const through = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"];
    const script = 'seen=$(for n in 0 1 2; do readlink /proc/$$/fd/$n; done); echo "$seen" >/tmp/streams';
    silent(exec(flags, ["sh", "-c", script], { through }));
    const expected = flags.length === 0 ? /^(\/dev\/null\n){3}$/ : /^(\/dev\/pts\/\d+\n){3}$/;
    assert.match(readFileSync(file, "utf8"), expected);
  });

testTsrun("exec in a container whose init is ending says that it is not running", async () => {
  using one = started({ args: SLEEP });
  const init = one.pid();
  await using other = startRuntime(["exec", one.id, "sh", "-c", "echo on; exec sleep 60"]);
  await waitUntil(() => other.printed().stdout !== "", "the other process runs");
  other.child.kill("SIGSTOP"); // it does not reap its process, for which the init waits
  silent(runtime(["kill", one.id, "KILL"]));
  await waitUntil(() => !leadsTo(`/proc/${init}/ns/net`), "it ends");
  assert.match(
    complaint(one.exec("true")),
    /^tsrun: error: container \S+: cannot exec in a stopped container: container not running/,
  );
  other.child.kill("SIGCONT");
  assert.is((await other.ended()).status, 128 + 9);
});

/** Whether a link of proc leads anywhere. */
function leadsTo(link: string): boolean {
  try {
    return readlinkSync(link) !== "";
  } catch {
    return false;
  }
}

test("exec's program is not process 1, and sees who is", () => {
  const seen = succeeded(exec([], ["sh", "-c", "echo $$; cat /proc/1/comm"])).stdout;
  assert.match(seen, /^([2-9]|\d\d+)\nsleep\n$/);
});

for (const code of [0, 1, 3, 255]) {
  test(`exec exits with the program's status ${code}`, () => {
    assert.is(exec([], ["sh", "-c", `exit ${code}`]).status, code);
  });
}

test("exec's program leads a session of its own: it has no hold on its caller's terminal", () => {
  const script = "cut -d' ' -f1,5,6,7 /proc/self/stat"; // pid, process group, session, terminal
  const [pid, group, session, terminal] = succeeded(box.exec("sh", "-c", `exec ${script}`))
    .stdout.trim()
    .split(" ");
  assert.equal([group, session, terminal], [pid, pid, "0"]);
});

test("exec exits with 128+n when a signal ends the program", () => {
  assert.is(exec([], ["sh", "-c", "kill -TERM $$"]).status, 143);
  assert.is(exec([], ["sh", "-c", "kill -KILL $$"]).status, 137);
});

test("stdin, stdout and stderr are the program's", () => {
  const { stdout, stderr } = exec([], ["sh", "-c", "cat; echo err >&2"], { input: "hello\n" });
  assert.is(stdout, "hello\n");
  assert.is(stderr, "err\n");
});

test("flags after the container's id are the program's", () => {
  assert.is(succeeded(exec([], ["echo", "--cwd", "-e", "x"])).stdout, "--cwd -e x\n");
});

test("--detach returns while the program goes on; --pid-file tells who it is", async () => {
  const file = join(freshDirectory("pid"), "pid");
  silent(exec(["--detach", "--pid-file", file], ["sleep", "61"]));
  const pid = readFileSync(file, "utf8");
  assert.match(pid, /^\d+$/);
  await waitUntil(() => commandLine(Number(pid)) === "sleep 61", "the program is sleep");
  assert.is(namespaceOf(Number(pid), "mnt"), namespaceOf(box.pid(), "mnt"));
  process.kill(Number(pid), "SIGKILL");
  await waitUntil(() => !lives(Number(pid)), "it has ended");
});

test("--process with --detach and --pid-file, as containerd calls it", async () => {
  const file = join(freshDirectory("pid"), "pid");
  silent(execProcess({ args: ["sleep", "62"] }, "--detach", "--pid-file", file));
  const pid = Number(readFileSync(file, "utf8"));
  await waitUntil(() => commandLine(pid) === "sleep 62", "the program is sleep");
  process.kill(pid, "SIGKILL");
  await waitUntil(() => !lives(pid), "it has ended");
});

for (const signal of ["TERM", "INT", "USR1"] as const) {
  test(`SIG${signal} to a foreground exec reaches its program`, async () => {
    const script = `trap "exit 9" ${signal}; echo ready; while :; do sleep 0.02; done`;
    await using running = startRuntime(["exec", box.id, "sh", "-c", script]);
    await waitUntil(() => running.printed().stdout === "ready\n", "exec is ready");
    process.kill(running.pid, `SIG${signal}`);
    assert.is((await running.ended()).status, 9);
  });
}

test("a signal right after the program's first word reaches it", async () => {
  for (let round = 0; round < 20; round++) {
    const script = 'trap "exit 9" TERM; echo ready; while :; do sleep 0.02; done';
    await using running = startRuntime(["exec", box.id, "sh", "-c", script]);
    spinUntil(() => running.printed().stdout !== "");
    process.kill(running.pid, "SIGTERM");
    assert.is((await running.ended()).status, 9);
  }
});

test("two at a time don't disturb each other", async () => {
  const both = [1, 2, 3, 4].map((n) => startRuntime(["exec", box.id, "sh", "-c", `sleep 0.1; echo ${n}`]));
  const outcomes = await Promise.all(both.map((running) => running.ended()));
  assert.equal(
    outcomes.map(({ stdout }) => stdout),
    ["1\n", "2\n", "3\n", "4\n"],
  );
});

test("a program that isn't there is refused in one line that names it", () => {
  const said = complaint(exec([], ["not-there"]));
  assert.match(said, /not-there/);
});

test("a file that can't be executed is refused", () => {
  assert.match(complaint(exec([], ["/etc"])), /permission denied|is a directory|EACCES/i);
});

test("exec without a program is refused", () => {
  assert.ok(exec([], []).status !== 0);
});

test("exec into a container that isn't there is refused", () => {
  assert.match(complaint(runtime(["exec", uniqueId(), "true"])), /does not exist/);
});

test("exec into a stopped container is refused", async () => {
  using stopped = started({ args: ["true"] });
  await stopped.until("stopped");
  assert.match(complaint(stopped.exec("true")), /stopped|not running/);
});

testTsrun("exec into a created container runs beside its waiting process", () => {
  using waiting = created({ args: SLEEP });
  assert.is(succeeded(waiting.exec("echo", "here")).stdout, "here\n");
  assert.is(waiting.state().status, "created");
});

test("exec into a user namespace is its mapped user", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  using mapped = started({ args: SLEEP, linux });
  const seen = succeeded(mapped.exec("sh", "-c", "id -u; cat /proc/self/uid_map")).stdout;
  assert.match(seen, /^0\n +0 +100000 +65536\n$/);
});

testTsrun("exec into a container without any namespace of its own runs in its rootfs", () => {
  const linux = { namespaces: [], maskedPaths: [], readonlyPaths: [] };
  using bare = started({ args: SLEEP, hostname: undefined, mounts: [], linux });
  assert.is(succeeded(bare.exec("ls", "/")).stdout, succeeded(box.exec("ls", "/")).stdout);
});

test("a program left by exec ends with the container", async () => {
  using one = started({ args: SLEEP });
  const file = join(freshDirectory("pid"), "pid");
  silent(runtime(["exec", "--detach", "--pid-file", file, one.id, "sleep", "63"]));
  const pid = Number(readFileSync(file, "utf8"));
  one.delete("--force");
  await waitUntil(() => !lives(pid), `process ${pid} has ended`);
});

testTsrun("a -- between the id and the command, as kubectl has it, is left out", () => {
  using one = started({ args: SLEEP });
  assert.is(succeeded(runtime(["exec", one.id, "--", "echo", "--", "a"])).stdout, "-- a\n");
  assert.match(complaint(runtime(["exec", one.id, "--"])), "exec: no command");
});

leavesBox();
leavesNothing();
test.run();
