// Needs containerd, ctr, ip.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { status } from "../harness/processes.ts";
import { readIfThere } from "../harness/read-if-there.ts";
import { waitUntil } from "../harness/wait.ts";
import { printed, startCall } from "./call.ts";
import { startContainerd } from "./containerd.ts";
import { atTerminal, ctr, detached, pidOf, taskLine } from "./ctr.ts";
import { watchMachine } from "./leaks.ts";

const atFirst = watchMachine();
const daemon = await startContainerd();
const afterStart = watchMachine();

test("exec runs a process in the container, with its output and exit status", () => {
  using box = detached(["sleep", "100"]);
  const said = ctr(
    "tasks",
    "exec",
    "--exec-id",
    "one",
    box.id,
    "sh",
    "-c",
    "echo $$; ps | grep -c 'sleep 100'; exit 7",
  );
  assert.is(said.status, 7);
  assert.match(said.stdout, /^\d+\n\d\n$/, `${said.stdout} ${said.stderr}`);
});

test("exec takes a user, a directory and a terminal", async () => {
  using box = detached(["sleep", "100"]);
  const flags = (execId: string) => [
    "tasks",
    "exec",
    "--exec-id",
    execId,
    "--user",
    "1000:1000",
    "--cwd",
    "/www",
  ];
  assert.is(printed(ctr(...flags("one"), box.id, "sh", "-c", "id -u; pwd")), "1000\n/www\n");
  const terminal = await atTerminal(
    ...flags("two"),
    "--tty",
    box.id,
    "sh",
    "-c",
    "tty; pwd; usleep 300000; exit 4",
  );
  assert.equal(terminal, { status: 4, printed: "/dev/pts/0\n/www\n" });
});

test("exec of what isn't there is told, and the container goes on", () => {
  using box = detached(["sleep", "100"]);
  const { status, stderr } = ctr("tasks", "exec", "--exec-id", "one", box.id, "nope");
  assert.is(status, 1);
  assert.match(stderr, /process\.args\[0\]: "nope": executable file not found in \$PATH/);
  assert.match(taskLine(box.id), /RUNNING/);
});

test("ps lists the processes of the container, exec's among them", async () => {
  using box = detached(["sleep", "100"]);
  await using exec = startCall(["ctr", "tasks", "exec", "--exec-id", "long", box.id, "sleep", "99"]);
  const listed = () =>
    printed(ctr("tasks", "ps", box.id))
      .trim()
      .split("\n")
      .slice(1)
      .map(Number.parseFloat);
  await waitUntil(() => listed().length === 2, `ps lists two; ctr exec: ${exec.printed()}`);
  assert.ok(listed().includes(pidOf(box.id)));
  for (const pid of listed()) assert.match(readFileSync(`/proc/${pid}/cmdline`, "utf8"), /^sleep\0/);
});

test("pause stops every process, and resume lets them go on", async () => {
  using box = detached(["sh", "-c", "while :; do echo >>/tmp/beats; usleep 10000; done"]);
  const beats = `/proc/${pidOf(box.id)}/root/tmp/beats`;
  await waitUntil(() => readIfThere(beats).length > 0, "it beats");
  printed(ctr("tasks", "pause", box.id));
  assert.match(taskLine(box.id), /PAUSED/);
  const { length } = readIfThere(beats);
  await Bun.sleep(200);
  assert.is(readIfThere(beats).length, length);
  printed(ctr("tasks", "resume", box.id));
  assert.match(taskLine(box.id), /RUNNING/);
  await waitUntil(() => readIfThere(beats).length > length, "it beats again");
});

test("metrics can be read", () => {
  using box = detached(["sleep", "100"]);
  const lines = printed(ctr("tasks", "metrics", box.id)).split("\n");
  assert.ok(lines.some((line) => line.startsWith(`${box.id} `)) && lines.length > 4, lines.join("\n"));
});

for (const signal of ["SIGKILL", "SIGTERM"] as const)
  test(`${signal} ends the container with the status 128 + its number, which delete tells`, async () => {
    using box = detached(["sh", "-c", "trap 'exit 143' TERM; while :; do usleep 10000; done"]);
    await Bun.sleep(100); // until the trap is set
    printed(ctr("tasks", "kill", "--signal", signal, box.id));
    await waitUntil(() => /STOPPED/.test(taskLine(box.id)), "it has stopped");
    const status = { SIGKILL: 137, SIGTERM: 143 }[signal];
    assert.match(ctr("tasks", "delete", box.id).stderr, new RegExp(`exit code ${status}"`));
  });

test("kill --all reaches every process, and a signal that is handled ends nothing", async () => {
  const trap = "trap 'echo >>/tmp/got' USR1; while :; do usleep 10000; done";
  using box = detached(["sh", "-c", `sh -c "${trap}" & ${trap}`]);
  const got = `/proc/${pidOf(box.id)}/root/tmp/got`;
  await waitUntil(() => printed(ctr("tasks", "ps", box.id)).split("\n").length >= 4, "both run");
  await Bun.sleep(100); // until both have set their traps
  printed(ctr("tasks", "kill", "--all", "--signal", "SIGUSR1", box.id));
  await waitUntil(() => readIfThere(got).length === 2, `both got it: ${JSON.stringify(readIfThere(got))}`);
  assert.match(taskLine(box.id), /RUNNING/);
});

test("when the shim is killed, containerd ends the container and removes what it had", async () => {
  const left = watchMachine();
  {
    using box = detached(["sleep", "100"]);
    const init = pidOf(box.id);
    const shim = Number(status(init).get("PPid"));
    process.kill(shim, "SIGKILL");
    await waitUntil(() => taskLine(box.id) === "", "containerd has noticed");
  }
  await left("of a container without its shim");
});

test("nothing is left of all these, and then nothing of containerd", async () => {
  await afterStart("of the containers");
  await daemon.stop();
  await atFirst("of containerd");
});

test.run();
