// Runs beside other files.
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../harness/bundle.ts";
import { type Container, containerOf, started } from "../harness/container.ts";
import { uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { measured } from "../harness/measured.ts";
import { command } from "../harness/mount.ts";
import { complaint, runtime, silent, succeeded } from "../harness/runtime.ts";
import { waitUntil } from "../harness/wait.ts";
import { cgroupOf } from "./cgroup.ts";

const MIB = 1024 * 1024;
const SLEEP = ["sleep", "60"];
const SPIN = ["sh", "-c", "while :; do :; done"];

function update(box: Container, ...flags: string[]): void {
  silent(box.call("update", ...flags));
}

test("a container takes more memory once its limit is raised", async () => {
  const take = "dd if=/dev/zero of=/dev/shm/taken bs=1M count=24 2>/dev/null";
  const resources = { memory: { limit: 16 * MIB, swap: 16 * MIB } };
  using box = started({ args: SLEEP, linux: { resources } });
  assert.is(box.exec("sh", "-c", `${take}; echo $?`).stdout, "137\n");
  update(box, "--memory", "64M", "--memory-swap", "64M");
  succeeded(box.exec("sh", "-c", take));
  assert.is(cgroupOf(box).read("memory.max"), `${64 * MIB}`);
  assert.is(cgroupOf(box).read("memory.swap.max"), "0");
});

test("a running container is throttled from the moment that it gets a quota", async () => {
  using box = started({ args: SPIN });
  const cgroup = cgroupOf(box);
  assert.is(cgroup.read("cpu.max"), "max 100000");
  update(box, "--cpu-quota", "20000", "--cpu-period", "100000");
  await waitUntil(() => cgroup.value("cpu.stat", "nr_throttled") > 0, "it is throttled");
  const used = () => cgroup.value("cpu.stat", "usage_usec") / 1e6;
  const [before, began] = [used(), performance.now()];
  await Bun.sleep(1500);
  const share = (used() - before) / ((performance.now() - began) / 1000);
  measured("share of a processor after an update to 20%", `${(share * 100).toFixed(1)}%`);
  assert.ok(share < 0.25, `${share}`);
});

test("a running process moves to the processors of an update", () => {
  using box = started({ args: SLEEP, linux: { resources: { cpu: { cpus: "0" } } } });
  update(box, "--cpuset-cpus", "1");
  assert.is(succeeded(box.exec("nproc")).stdout, "1\n");
  assert.match(command("grep", "Cpus_allowed_list", `/proc/${box.pid()}/status`), /\t1$/m);
});

test("more processes fit once pids.limit is raised, none when it is below what there are", () => {
  using box = started({ args: SLEEP, linux: { resources: { pids: { limit: 3 } } } });
  const forks = () => box.exec("sh", "-c", "for n in 1 2 3 4; do sleep 0.1 & done; wait").status;
  assert.is.not(forks(), 0);
  update(box, "--pids-limit", "20");
  assert.is(forks(), 0);
  update(box, "--pids-limit", "1");
  assert.is.not(forks(), 0);
  assert.is(box.state().status, "running");
});

test("what an update doesn't name stays", () => {
  const resources = { memory: { limit: 32 * MIB }, pids: { limit: 30 }, cpu: { shares: 512 } };
  using box = started({ args: SLEEP, linux: { resources } });
  const weight = cgroupOf(box).read("cpu.weight");
  update(box, "--pids-limit", "40");
  const cgroup = cgroupOf(box);
  assert.equal(
    ["memory.max", "pids.max", "cpu.weight"].map((file) => cgroup.read(file)),
    [`${32 * MIB}`, "40", weight],
  );
});

test("an update that cannot be had is refused, named, and changes nothing", () => {
  using box = started({ args: SLEEP, linux: { resources: { pids: { limit: 30 } } } });
  const input = JSON.stringify({ pids: { limit: 40 }, cpu: { cpus: "9" } });
  const said = complaint(runtime(["update", "--resources", "-", box.id], { input }));
  assert.match(said, /standard input: cpu\.cpus: /);
  assert.is(cgroupOf(box).read("pids.max"), "30");
});

test("the device rules stay as they are, whatever an update says", () => {
  const { rdev } = statSync("/dev/vda");
  const [major, minor] = [rdev >> 8, rdev & 0xff];
  const rules = [
    { allow: false, access: "rwm" },
    { allow: true, type: "b", major, minor, access: "r" },
  ];
  const made = bundle({ args: SLEEP, linux: { resources: { devices: rules } } });
  command("mknod", join(made.rootfs, "device"), "b", String(major), String(minor));
  using box = containerOf(made, uniqueId());
  box.create();
  box.start();
  const opens = () =>
    box.exec("sh", "-c", "(: < /device) 2>&1 && echo read; (: >> /device) 2>&1 && echo write; true").stdout;
  const before = opens();
  assert.match(before, /^read\n/);
  assert.not.match(before, /write/);
  const input = JSON.stringify({ devices: [{ allow: true, access: "rwm" }], pids: { limit: 30 } });
  silent(runtime(["update", "--resources", "-", box.id], { input }));
  assert.is(cgroupOf(box).read("pids.max"), "30");
  assert.is(opens(), before);
});

leavesNothing();
test.run();
