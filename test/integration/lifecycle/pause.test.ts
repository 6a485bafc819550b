// Runs beside other files.
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { created, started } from "../../harness/container.ts";
import { stateRoot, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { commandLine } from "../../harness/processes.ts";
import { complaint, refusal, runtime, silent, startRuntime, succeeded } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";

const COUNT = ["sh", "-c", "while :; do echo tick; done >/dev/null"];

/** CPU time that a process has used, in clock ticks (proc_pid_stat(5): utime and stime). */
function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

// runc 1.1.5 freezes through the v1 hierarchy here.
testTsrun("a paused container uses no CPU, says so, and goes on when resumed", async () => {
  using box = started({ args: COUNT });
  await waitUntil(() => ticks(box.pid()) > 5, "the loop runs");
  silent(box.call("pause"));
  assert.is(box.state().status, "paused");
  const before = ticks(box.pid());
  await Bun.sleep(150);
  assert.is(ticks(box.pid()), before);
  silent(box.call("resume"));
  assert.is(box.state().status, "running");
  await waitUntil(() => ticks(box.pid()) > before, "the loop goes on");
});

testTsrun("exec into a paused container is refused at once", () => {
  using box = started({ args: ["sleep", "60"] });
  silent(box.call("pause"));
  assert.match(
    refusal(runtime(["exec", box.id, "true"])),
    /cannot exec in a paused container \(use --ignore-paused/,
  );
  silent(box.call("resume"));
  succeeded(box.exec("true"));
});

testTsrun("a paused container can be deleted by force", () => {
  using box = started({ args: ["sleep", "60"] });
  silent(box.call("pause"));
  assert.match(refusal(box.call("delete")), /that is not stopped: paused/);
  silent(box.call("delete", "--force"));
});

testTsrun("what is not paused cannot be resumed, and what is paused not paused again", () => {
  using box = started({ args: ["sleep", "60"] });
  assert.match(refusal(box.call("resume")), /container not paused/);
  silent(box.call("pause"));
  assert.match(refusal(box.call("pause")), /container not running \(it is paused already\)/);
});

testTsrun("a stopped container can be neither paused nor resumed", async () => {
  using box = started({ args: ["true"] });
  await box.until("stopped");
  for (const verb of ["pause", "resume"]) assert.match(refusal(box.call(verb)), /container not running/);
});

test("ps --format json lists the host's pids of all processes, ascending", async () => {
  using box = started({ args: ["sh", "-c", "sleep 61 & sleep 62 & wait"] });
  const pids = () => JSON.parse(silent(runtime(["ps", "--format", "json", box.id])).stdout) as number[];
  const names = () => pids().map(commandLine);
  await waitUntil(() => names().filter((name) => name.startsWith("sleep")).length === 2, "both run");
  assert.is(pids()[0], box.pid());
  assert.equal(names().slice(1).sort(), ["sleep 61", "sleep 62"]);
});

test("ps shows the host's ps of the container's processes, with ps's own options", () => {
  using box = created({ args: ["sleep", "60"] });
  box.start();
  const plain = silent(runtime(["ps", box.id]))
    .stdout.trim()
    .split("\n");
  assert.is(plain.length, 2);
  assert.match(plain[0] ?? "", /UID +PID +PPID/);
  assert.match(plain[1] ?? "", /sleep 60$/);
  const chosen = silent(runtime(["ps", box.id, "-e", "-o", "pid,args"]))
    .stdout.trim()
    .split("\n");
  assert.is(chosen[1]?.trim(), `${box.pid()} sleep 60`);
});

testTsrun("ps says that the host has no ps", () => {
  using box = created({ args: ["sleep", "60"] });
  const said = complaint(runtime(["ps", box.id], { env: { PATH: "/nowhere" } }));
  assert.is(said, "tsrun: error: ps: there is no ps in PATH; install it (Debian: procps)");
});

test("exec --ignore-paused starts its program once the container is resumed", async () => {
  using box = started({ args: ["sleep", "60"] });
  silent(runtime(["pause", box.id]));
  await using exec = startRuntime(["exec", "--ignore-paused", box.id, "sh", "-c", "echo on; exit 3"]);
  await Bun.sleep(300);
  assert.is(exec.printed().stdout, "");
  silent(runtime(["resume", box.id]));
  const { status, stdout } = await exec.ended();
  assert.equal([status, stdout], [3, "on\n"]);
});

testTsrun("events takes no interval of 0", () => {
  using box = started({ args: ["sleep", "60"] });
  assert.match(refusal(runtime(["events", "--interval", "0", box.id])), /--interval must be greater than 0/);
});

testTsrun("ps of a stopped container lists nothing", async () => {
  using box = started({ args: ["true"] });
  await box.until("stopped");
  assert.is(silent(runtime(["ps", "--format", "json", box.id])).stdout, "[]\n");
});

testTsrun("events --stats prints one line of JSON with the container's figures", () => {
  using box = started({ args: ["sleep", "60"] });
  const event = JSON.parse(silent(runtime(["events", "--stats", box.id])).stdout);
  assert.is(event.type, "stats");
  assert.is(event.id, box.id);
  assert.type(event.data.cpu.usage.total, "number");
});

testTsrun("events ends with its container", async () => {
  using box = started({ args: ["sleep", "60"] });
  await using events = startRuntime(["events", "--interval", "100ms", box.id]);
  await waitUntil(() => events.printed().stdout !== "", "events prints");
  silent(runtime(["kill", box.id, "KILL"]));
  const { status, stdout, stderr } = await events.ended();
  assert.equal([status, stderr], [0, ""]);
  for (const line of stdout.trim().split("\n")) assert.is(JSON.parse(line).type, "stats");
});

testTsrun("events ends with a container that is deleted, before its poststop hooks have ended", async () => {
  const hooks = { poststop: [{ path: "/bin/sleep", args: ["sleep", "1"] }] };
  using box = started({ args: ["sleep", "60"], hooks });
  await using events = startRuntime(["events", "--interval", "100ms", box.id]);
  await waitUntil(() => events.printed().stdout !== "", "events prints");
  await using deletion = startRuntime(["delete", "--force", box.id]);
  const { status, stderr } = await events.ended();
  assert.equal([status, stderr], [0, ""]);
  assert.is(deletion.child.exitCode, null);
  assert.is((await deletion.ended()).status, 0);
});

testTsrun("update refuses a file that is missing or wrong", () => {
  using box = started({ args: ["sleep", "60"] });
  assert.match(refusal(runtime(["update", "--resources", "/nonexistent", box.id])), /\/nonexistent/);
  const wrong = runtime(["update", "--resources", "-", box.id], { input: '{"pids": {"limit": "many"}}' });
  assert.match(refusal(wrong), /standard input: pids\.limit: must be a number/);
});

testTsrun("an exec that reads the config while an update changes it reads one or the other, whole", () => {
  using box = started({ args: ["sleep", "60"] });
  const reader = openSync(join(stateRoot, box.id, "config.json"), "r");
  try {
    const input = '{"unified": {"cgroup.max.depth": "100"}}';
    silent(runtime(["update", "--resources", "-", box.id], { input }));
    assert.type(JSON.parse(readFileSync(reader, "utf8")), "object");
    assert.not(fstatSync(reader).nlink, "the file is changed where others read it");
  } finally {
    closeSync(reader);
  }
});

leavesNothing();
test.run();
