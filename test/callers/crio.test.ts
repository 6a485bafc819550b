// Needs conmon, ip, bash.
// CRI-O itself is in no Debian: what it calls is here, conmon, and what it writes and says itself.
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freshDirectory, runtimePath } from "../harness/environment.ts";
import { lives, namespaceOf, status } from "../harness/processes.ts";
import { programAtTerminal } from "../harness/terminal.ts";
import { waitUntil } from "../harness/wait.ts";
import { call, printed } from "./call.ts";
import { tsrun } from "./conmon.ts";
import { crioPod } from "./crio.ts";
import { watchMachine } from "./leaks.ts";
import { ROOT } from "./snippets.ts";

const FOREVER = ["sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do usleep 10000; done"];
const atFirst = watchMachine();

test("all containers of a pod are in its pinned namespaces, and reach each other over localhost", async () => {
  const left = watchMachine();
  {
    using pod = crioPod();
    const infra = await pod.run(["/pause"], { rootfs: "pause" });
    const { pid } = infra.state();
    const web = await pod.run(["httpd", "-f", "-p", "127.0.0.1:8080", "-h", "/www"], { pid });
    const side = await pod.run(FOREVER, { pid });
    for (const kind of ["net", "ipc", "uts"] as const) {
      const pinned = pod.namespaces.find(({ path }) => path.endsWith(`/${kind}`))?.path ?? "";
      for (const one of [infra, web, side])
        assert.is(namespaceOf(one.state().pid, kind), `${kind}:[${statSync(pinned).ino}]`);
    }
    assert.is(namespaceOf(web.state().pid, "pid"), namespaceOf(pid, "pid"));
    const said = await side.exec(["wget", "-q", "-O", "-", "http://127.0.0.1:8080/"]);
    assert.match(said.log, /Hello from a pod/);
    assert.match((await side.exec(["ps"])).log, /1 root +\/pause/);
  }
  await left("of a pod");
});

test("a container's output, exit status and pid are conmon's to tell", async () => {
  using pod = crioPod();
  const box = await pod.create(["sh", "-c", "echo out; echo err >&2; exit 3"]);
  const { pid, status } = box.state();
  assert.equal({ pid, status }, { pid: box.conmon.told.pid, status: "created" });
  assert.is(readFileSync(box.conmon.pidFile, "utf8"), String(pid));
  printed(tsrun(["start", box.id]));
  assert.is(await box.conmon.ended(), 3);
  assert.equal(box.conmon.log().split("\n").sort(), ["", "err", "out"]);
  await waitUntil(() => box.state().status === "stopped", "it has ended");
});

test("a container at a terminal has one, and its log is what is written to it", async () => {
  using pod = crioPod();
  const box = await pod.run(["sh", "-c", "tty; exit 4"], { terminal: true });
  assert.is(await box.conmon.ended(), 4);
  assert.match(box.conmon.log(), /^\/dev\/pts\/0\r?\n$/);
});

test("an exec by a process's file has its output, status, user and environment", async () => {
  using pod = crioPod();
  const box = await pod.run(FOREVER);
  const { exit_code, log } = await box.exec(["sh", "-c", "id -u; echo $TERM; echo err >&2; exit 7"]);
  assert.is(exit_code, 7);
  assert.equal(log.split("\n").sort(), ["", "0", "err", "xterm"]);
});

test("an exec at a terminal has one, too", async () => {
  using pod = crioPod();
  const box = await pod.run(FOREVER, { terminal: true });
  const { exit_code, log } = await box.exec(["sh", "-c", "tty; exit 6"], "-t");
  assert.is(exit_code, 6);
  assert.match(log, /^\/dev\/pts\/\d+\r?\n$/);
});

test("an exec that takes too long is killed, and the container goes on", async () => {
  using pod = crioPod();
  const box = await pod.run(FOREVER);
  const { exit_code, message } = await box.exec(["sleep", "34567"], "-T", "1");
  assert.equal({ exit_code, message }, { exit_code: -1, message: "command timed out" });
  for (let tries = 0; tries < 20 && (await box.exec(["ps"])).log.includes("sleep 34567"); tries++)
    await Bun.sleep(100);
  assert.not.match((await box.exec(["ps"])).log, /sleep 34567/);
});

test("ten execs at once are ten processes", async () => {
  using pod = crioPod();
  const box = await pod.run(FOREVER);
  const said = await Promise.all(Array.from({ length: 10 }, (_, i) => box.exec(["echo", String(i)])));
  assert.equal(
    said.map(({ exit_code, log }) => `${exit_code} ${log}`),
    said.map((_, i) => `0 ${i}\n`),
  );
});

test("what can't be run is told with tsrun's words, and the container can be forced away", async () => {
  using pod = crioPod();
  const words = /executable file not found in \$PATH/;
  const { told } = (await pod.create(["nope"])).conmon;
  assert.is(told.pid, -1);
  assert.match(told.message ?? "", words);
  const box = await pod.run(FOREVER);
  const { exit_code, message } = await box.exec(["nope"]);
  assert.is(exit_code, -1);
  assert.match(message ?? "", words);
});

test("a stop is a signal by its number, and at last KILL by its name", async () => {
  using pod = crioPod();
  const polite = await pod.run(FOREVER);
  await waitUntil(() => polite.conmon.log() === "ready\n", "the trap is set");
  printed(tsrun(["kill", polite.id, "15"]));
  assert.is(await polite.conmon.ended(), 9);
  const deaf = await pod.run(["sleep", "100"]);
  printed(tsrun(["kill", deaf.id, "15"])); // PID 1 is deaf to it without a handler: pid_namespaces(7)
  printed(tsrun(["kill", deaf.id, "KILL"]));
  assert.is(await deaf.conmon.ended(), 137);
});

test("`kill -a` of a container in its pod's PID namespace ends all its processes, and only those", async () => {
  using pod = crioPod();
  const infra = await pod.run(["/pause"], { rootfs: "pause" });
  const { pid } = infra.state();
  const box = await pod.run(["sh", "-c", "sleep 45678 & exec sleep 45678"], { pid });
  printed(tsrun(["kill", "-a", box.id, "9"]));
  assert.is(await box.conmon.ended(), 137);
  const other = await pod.run(FOREVER, { pid });
  assert.not.match((await other.exec(["ps"])).log, /sleep 45678/);
  assert.is(infra.state().status, "running");
});

test("what has ended is refused in the words that CRI-O takes for that", async () => {
  using pod = crioPod();
  const box = await pod.run(["true"]);
  await box.conmon.ended();
  await waitUntil(() => box.state().status === "stopped", "it has ended");
  const { status, stderr } = tsrun(["kill", box.id, "15"]);
  assert.is(status, 1);
  assert.match(stderr, /container not running|no such process/);
  printed(tsrun(["delete", "--force", box.id]));
  printed(tsrun(["delete", "--force", box.id]));
});

test("pause, resume and an update from standard input", async () => {
  using pod = crioPod();
  const box = await pod.run(FOREVER);
  printed(tsrun(["pause", box.id]));
  assert.is(box.state().status, "paused");
  printed(tsrun(["resume", box.id]));
  assert.is(box.state().status, "running");
  assert.is(printed(tsrun(["update", "--resources", "-", box.id], JSON.stringify({ cpu: {} }))), "");
  const refused = tsrun(["update", "--resources", "-", box.id], JSON.stringify({ memory: { limit: -7 } }));
  assert.is(refused.status, 1);
  assert.match(refused.stderr, /memory\.limit/);
});

test("an exec that is streamed is tsrun's own, with a pipe or at a terminal", async () => {
  using pod = crioPod();
  const box = await pod.run(FOREVER);
  const file = join(freshDirectory("exec"), "process.json");
  writeFileSync(file, JSON.stringify(box.processOf(["sh", "-c", "cat; echo end >&2; exit 5"])));
  const said = tsrun(["exec", "--process", file, box.id], "typed\n");
  assert.equal(
    { status: said.status, stdout: said.stdout, stderr: said.stderr },
    { status: 5, stdout: "typed\n", stderr: "end\n" },
  );
  writeFileSync(file, JSON.stringify(box.processOf(["sh", "-c", "tty; exit 8"], { terminal: true })));
  const argv = [runtimePath, "--root", ROOT, "exec", "--process", file, box.id];
  await using terminal = programAtTerminal(argv, { cwd: "/", env: process.env });
  assert.is(await terminal.ended(), 8);
  assert.match(terminal.printed(), /^\/dev\/pts\/\d+\r\n$/);
});

test("flags before the command may be written either way", async () => {
  using pod = crioPod();
  const box = await pod.run(FOREVER);
  const log = join(freshDirectory("log"), "log");
  for (const flags of [
    ["--root", ROOT, "--systemd-cgroup=false"],
    [`--root=${ROOT}`, `--log=${log}`, "--log-format=json"],
    [`--root=${ROOT}`, "--log", log, "--log-format", "json"],
  ])
    assert.match(printed(call([runtimePath, ...flags, "state", box.id])), /"status": "running"/);
});

test("when conmon is killed, its container goes on and can be stopped", async () => {
  using pod = crioPod();
  const box = await pod.run(FOREVER);
  const { pid } = box.state();
  process.kill(Number(status(pid).get("PPid")), "SIGKILL");
  await waitUntil(() => status(pid).get("PPid") === "1", "it is an orphan");
  assert.is(box.state().status, "running");
  printed(tsrun(["kill", box.id, "KILL"]));
  await waitUntil(() => !lives(pid), "it has ended");
});

test("nothing is left of all these", async () => {
  await atFirst("of the pods");
});

test.run();
