import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS } from "../../harness/bundle.ts";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { container } from "../../harness/container.ts";
import { freshDirectory } from "../../harness/environment.ts";
import { command } from "../../harness/mount.ts";
import { runtime, silent, startRuntime, succeeded } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";
import { readTrace } from "../../integration/trace/read-trace.ts";
import { nothingIsLeft } from "./leaks.ts";
import {
  cgroupOfUnit,
  createdInScope,
  inCgroup,
  SYSTEMD,
  scopeOf,
  shown,
  slice,
  startedInScope,
} from "./units.ts";

const SLEEP = { args: ["sleep", "60"] };

test("a container is a scope of its own in system.slice, which is delegated to it", () => {
  using box = createdInScope(SLEEP);
  const unit = scopeOf(box);
  assert.is(shown(unit, "ActiveState"), "active");
  assert.is(shown(unit, "Slice"), "system.slice");
  assert.is(shown(unit, "Delegate"), "yes");
  assert.is(shown(unit, "DefaultDependencies"), "no");
  assert.is(shown(unit, "ControlGroup"), `/system.slice/${unit}`);
  assert.is(inCgroup(unit, "cgroup.procs"), String(box.pid()));
});

test("a timeline shows systemd's job, while tsrun works on", () => {
  const file = join(freshDirectory("trace"), "create.json");
  using box = createdInScope(SLEEP, { global: [...(SYSTEMD.global ?? []), "--trace", file] });
  const trace = readTrace(file);
  const [job] = trace.track("systemd");
  assert.is(job?.name, `systemd makes ${scopeOf(box)}`);
  const during = trace.track("tsrun").filter(({ ts, end }) => ts > (job?.ts ?? 0) && end < (job?.end ?? 0));
  assert.ok(during.some(({ cat }) => cat !== "wait"));
});

test("its first process was born there: the cgroup namespace has the scope as its root", async () => {
  const namespaces = ["pid", "mount", "ipc", "uts", "cgroup"].map((type) => ({ type }));
  using box = startedInScope({ args: ["cat", "/proc/self/cgroup"], linux: { namespaces } });
  await waitUntil(() => box.printed() !== "", "it has printed");
  assert.is(box.printed().trim(), "0::/");
});

test("slice:prefix:name is a scope below the slices that the name tells", () => {
  using pod = slice();
  const inner = pod.name.replace(".slice", "-one.slice");
  using box = createdInScope({ ...SLEEP, linux: { cgroupsPath: `${inner}:cri:web` } });
  assert.is(cgroup2Of(box.pid()), `${pod.path}/${inner}/cri-web.scope`);
  assert.is(shown("cri-web.scope", "Slice"), inner);
});

test("exec, ps, events, pause and kill act on the scope", async () => {
  using box = startedInScope({ args: ["sh", "-c", "sleep 60 & exec sleep 60"] });
  succeeded(runtime(["exec", "--detach", box.id, "sleep", "60"]));
  await waitUntil(() => inCgroup(scopeOf(box), "cgroup.procs").split("\n").length === 3, "three are in it");
  const pids = inCgroup(scopeOf(box), "cgroup.procs").split("\n").map(Number);
  assert.equal(JSON.parse(silent(runtime(["ps", "--format", "json", box.id])).stdout), pids);
  assert.match(silent(runtime(["events", "--stats", box.id])).stdout, /"current":3/);
  silent(box.call("pause"));
  assert.is(inCgroup(scopeOf(box), "cgroup.freeze"), "1");
  assert.is(box.state().status, "paused");
  silent(box.call("resume"));
  silent(runtime(["kill", "--all", box.id, "KILL"]));
  await box.until("stopped");
});

test("delete, without being told of systemd, removes unit and cgroup", () => {
  using box = startedInScope(SLEEP);
  const path = cgroupOfUnit(scopeOf(box));
  assert.ok(existsSync(path));
  box.delete("--force");
  assert.is(shown(scopeOf(box), "LoadState"), "not-found");
  assert.not(existsSync(path));
});

test("a paused container is deleted", () => {
  using box = startedInScope(SLEEP);
  silent(box.call("pause"));
  box.delete("--force");
  assert.is(shown(scopeOf(box), "LoadState"), "not-found");
});

test("a container that has ended leaves nothing but its state, and is deleted", async () => {
  using box = startedInScope({ args: ["true"] });
  await box.until("stopped");
  await waitUntil(() => shown(scopeOf(box), "LoadState") === "not-found", "the scope has gone");
  box.delete();
});

test("run leaves nothing, and gives the container's status", () => {
  using box = container({ args: ["sh", "-c", "exit 7"] });
  assert.is(runtime(["run", "--bundle", box.bundle.path, box.id], SYSTEMD).status, 7);
  assert.is(shown(scopeOf(box), "LoadState"), "not-found");
});

test("the same id again, at once, is a new scope", () => {
  using box = container({ args: ["true"] });
  for (let turn = 0; turn < 5; turn++)
    succeeded(runtime(["run", "--bundle", box.bundle.path, box.id], SYSTEMD));
});

test("the containers of a pod share the limits of its slice", async () => {
  using pod = slice(["TasksMax=16", "MemoryMax=256M"]);
  const burst = [
    "sh",
    "-c",
    "(for n in $(seq 20); do sleep 60 & done) 2>/dev/null; echo over; exec sleep 60",
  ];
  using one = createdInScope({ args: burst, linux: { cgroupsPath: `${pod.name}:pod:one` } });
  using other = createdInScope({ args: burst, linux: { cgroupsPath: `${pod.name}:pod:other` } });
  assert.is(cgroup2Of(other.pid()), `${pod.path}/pod-other.scope`);
  one.start();
  other.start(); // which may find no room for a process at all
  await waitUntil(() => one.printed() !== "", "the first burst is over");
  assert.is(inCgroup(pod.name, "pids.max"), "16");
  assert.ok(Number(inCgroup(pod.name, "pids.current")) <= 16);
  assert.is(inCgroup(pod.name, "memory.max"), String(256 << 20));
});

test("annotations are properties of the unit", () => {
  const annotations = {
    "org.systemd.property.TimeoutStopUSec": "uint64 7000000",
    "org.systemd.property.KillSignal": "10",
    "org.systemd.property.Description": "'a box of its own'",
    "org.systemd.property.RuntimeMaxSec": "600",
  };
  using box = createdInScope({ ...SLEEP, annotations });
  assert.is(shown(scopeOf(box), "TimeoutStopUSec"), "7s");
  assert.is(shown(scopeOf(box), "KillSignal"), "10");
  assert.is(shown(scopeOf(box), "Description"), "a box of its own");
  assert.is(shown(scopeOf(box), "RuntimeMaxUSec"), "10min");
});

test("a container has its devices and no others, also when systemd reads its units again", () => {
  const major = Number(readFileSync("/sys/block/vda/dev", "utf8").split(":")[0]);
  const devices = [
    { allow: false, access: "rwm" },
    { allow: true, type: "b", major, minor: 0, access: "r" },
  ];
  const linux = {
    resources: { devices },
    devices: [
      { path: "/dev/disk", type: "b", major, minor: 0 },
      { path: "/dev/tty0", type: "c", major: 4, minor: 0 },
    ],
  };
  using box = startedInScope({ ...SLEEP, linux });
  command("systemctl", "daemon-reload");
  assert.is(shown(scopeOf(box), "DevicePolicy"), "strict");
  assert.match(shown(scopeOf(box), "DeviceAllow"), new RegExp(`/dev/block/${major}:0 r`));
  succeeded(box.exec("dd", "if=/dev/disk", "of=/dev/null", "bs=512", "count=1"));
  assert.match(box.exec("sh", "-c", ": >>/dev/disk").stderr, /Operation not permitted/);
  assert.match(box.exec("sh", "-c", ": </dev/tty0").stderr, /Operation not permitted/);
});

test("a root of another user may make cgroups in its scope", async () => {
  const ids = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const namespaces = ["pid", "mount", "ipc", "uts", "cgroup", "user"].map((type) => ({ type }));
  const mounts = [...DEFAULT_MOUNTS, { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" }];
  const linux = { namespaces, uidMappings: ids, gidMappings: ids, maskedPaths: [], readonlyPaths: [] };
  using box = startedInScope({ args: ["sh", "-c", "mkdir /sys/fs/cgroup/inner; sleep 60"], mounts, linux });
  const inner = `${cgroupOfUnit(scopeOf(box))}/inner`;
  await waitUntil(() => existsSync(inner), "it has made one");
});

test("a creation that is killed is removed by delete --force", async () => {
  const hook = { path: "/bin/sleep", args: ["sleep", "60"] };
  using box = container({ ...SLEEP, hooks: { createRuntime: [hook] } });
  await using creation = startRuntime(["create", "--bundle", box.bundle.path, box.id], SYSTEMD);
  await waitUntil(() => shown(scopeOf(box), "ActiveState") === "active", "the scope is there");
  creation.child.kill("SIGKILL");
  await creation.ended();
  box.delete("--force");
  assert.is(shown(scopeOf(box), "LoadState"), "not-found");
});

nothingIsLeft();
test.run();
