// In the machine's own mounts: who has others is not served.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { container, started } from "../../harness/container.ts";
import { freshDirectory } from "../../harness/environment.ts";
import { command } from "../../harness/mount.ts";
import { lives } from "../../harness/processes.ts";
import { type Call, runtime, silent, startRuntime, succeeded } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";
import { nothingIsLeft } from "./leaks.ts";
import {
  BINARY,
  install,
  installed,
  SERVICE,
  served,
  serverPid,
  serverStatus,
  uninstall,
  untilServed,
  upgrade,
} from "./serving.ts";
import { cgroupOfUnit, inCgroup, scopeOf, shown, startedInScope } from "./units.ts";

const SOCKET = "tsrun.socket";
const SLEEP = { args: ["sleep", "600"] };
const COLD: Call = { env: { TSRUN_SERVE: "off" } };
const IDLE = `/run/systemd/system/${SERVICE}.d`;

/** Runs `systemctl`, and more often than systemd lets a service start by itself. */
function systemctl(...words: readonly string[]): void {
  command("systemctl", "reset-failed");
  command("systemctl", "--quiet", ...words);
}

test.before(() => {
  install("system");
  systemctl("daemon-reload");
  systemctl("enable", "--runtime", "--now", SOCKET);
});

test.after(() => {
  systemctl("disable", "--runtime", "--now", SOCKET);
  uninstall("system");
  systemctl("daemon-reload");
});

test("the socket starts a server, in whose cgroup nobody else ever is", async () => {
  assert.is(serverPid(), 0);
  assert.is(command("stat", "--format", "%a %U", "/run/tsrun-serve.sock"), "600 root\n");
  await untilServed();
  using box = started(SLEEP);
  succeeded(runtime(["exec", "--detach", box.id, "sleep", "600"]));
  assert.ok(served("exec") === 1, JSON.stringify(serverStatus()));
  assert.is(inCgroup(SERVICE, "cgroup.procs"), String(serverPid()));
  assert.is(command("find", cgroupOfUnit(SERVICE), "-mindepth", "1", "-type", "d"), "");
});

test("a container without a cgroupsPath has its cgroup where it has it without a server", async () => {
  await untilServed();
  using box = started(SLEEP);
  using cold = container(SLEEP);
  cold.runDetached(COLD);
  const place = ({ id, pid }: typeof box) => cgroup2Of(pid()).replace(id, "ID");
  assert.is(place(box), place(cold));
});

test("a scope is the same with a server and without", async () => {
  await untilServed();
  const before = served("run");
  using box = startedInScope(SLEEP);
  assert.is(served("run"), before + 1, JSON.stringify(serverStatus()));
  using cold = container(SLEEP);
  cold.runDetached({ ...COLD, global: ["--systemd-cgroup"] });
  const properties = (one: typeof box) =>
    ["Slice", "Delegate", "ControlGroup", "DevicePolicy", "TasksMax", "Description", "Requires", "After"].map(
      (name) => shown(scopeOf(one), name).replaceAll(one.id, "ID"),
    );
  assert.equal(properties(box), properties(cold));
  assert.is(inCgroup(scopeOf(box), "cgroup.procs"), String(box.pid()));
});

test("containers outlive a restart, a stop and a crash of the server, and the next command starts another", async () => {
  const first = await untilServed();
  using box = started(SLEEP);
  const pid = box.pid();
  systemctl("restart", SERVICE);
  const second = await untilServed();
  assert.is.not(second, first);
  assert.is(box.exec("echo", "here").stdout, "here\n");
  systemctl("stop", SERVICE);
  assert.is(serverPid(), 0);
  assert.ok(lives(pid));
  silent(box.call("state"));
  process.kill(await untilServed(), "SIGKILL");
  await waitUntil(() => shown(SERVICE, "SubState") === "failed", "systemd has seen its end");
  assert.is(box.state().status, "running");
  assert.is(box.pid(), pid);
  systemctl("reset-failed");
  await untilServed();
});

test("a server that is stopped finishes the creation that it has begun", async () => {
  await untilServed();
  const began = join(freshDirectory("hook"), "began");
  const hook = { path: "/bin/sh", args: ["sh", "-c", `: >${began}; sleep 6`] };
  using box = container({ ...SLEEP, hooks: { createRuntime: [hook] } });
  await using creation = startRuntime(["create", "--bundle", box.bundle.path, box.id]);
  await waitUntil(() => existsSync(began), "the hook runs");
  const stopping = Bun.spawn(["systemctl", "stop", SERVICE], { stdio: ["ignore", "ignore", "ignore"] });
  await Bun.sleep(1000);
  const { stderr } = succeeded(runtime(["list", "--quiet"], { global: ["--debug"] }));
  assert.is(stderr, "not served: ending\n");
  silent(await creation.ended());
  await stopping.exited;
  assert.is(shown(SERVICE, "Result"), "success");
  assert.is(box.state().status, "created");
  box.start();
  assert.is(box.state().status, "running");
});

test("a server ends when it is idle, and the socket starts the next", async () => {
  mkdirSync(IDLE, { recursive: true });
  writeFileSync(
    join(IDLE, "idle.conf"),
    `[Service]\nExecStart=\nExecStart=${BINARY} --no-serve serve --idle 3s\n`,
  );
  systemctl("daemon-reload");
  systemctl("restart", SERVICE);
  const first = await untilServed();
  await waitUntil(() => shown(SERVICE, "ActiveState") === "inactive", "it has ended");
  assert.is(shown(SERVICE, "Result"), "success");
  assert.is(shown(SOCKET, "SubState"), "listening");
  assert.is.not(await untilServed(), first);
  rmSync(IDLE, { recursive: true });
  systemctl("daemon-reload");
  systemctl("restart", SERVICE);
});

test("after an upgrade an old server makes room for a new one", async () => {
  const old = await untilServed();
  upgrade();
  installed("list", "--quiet"); // done by the command itself, as the server is of another build
  await waitUntil(() => serverPid() !== old, "the old server has ended");
  await untilServed();
  await waitUntil(() => {
    installed("list", "--quiet");
    return served("list") > 0;
  }, "the new one serves");
  assert.match(readFileSync(`/proc/${serverPid()}/maps`, "utf8"), BINARY);
});

test("turned off, commands are done as before", async () => {
  await untilServed();
  systemctl("stop", SOCKET);
  assert.is(shown(SERVICE, "ActiveState"), "inactive");
  assert.not(existsSync("/run/tsrun-serve.sock"));
  using box = started(SLEEP);
  assert.is(box.state().status, "running");
});

nothingIsLeft();
test.run();
