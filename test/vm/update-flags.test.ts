// Runs beside other files.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { started } from "../harness/container.ts";
import { freshDirectory } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { refusal, runtime, silent } from "../harness/runtime.ts";
import { cgroupOf } from "./cgroup.ts";

const MIB = 1024 * 1024;
const SLEEP = ["sleep", "60"];

for (const [flags, file, value] of [
  [["--cpu-quota", "50000", "--cpu-period", "200000"], "cpu.max", "50000 200000"],
  [["--cpu-quota", "50000", "--cpu-burst", "1000"], "cpu.max.burst", "1000"],
  [["--cpu-share", "2"], "cpu.weight", "1"],
  [["--cpu-idle", "1"], "cpu.idle", "1"],
  [["--cpuset-cpus", "1"], "cpuset.cpus", "1"],
  [["--cpuset-mems", "0"], "cpuset.mems", "0"],
  [["--memory", "64M"], "memory.max", `${64 * MIB}`],
  [["--memory", "64M", "--memory-swap", "96M"], "memory.swap.max", `${32 * MIB}`],
  [["--memory", "64M", "--memory-swap", "-1"], "memory.swap.max", "max"],
  [["--memory-reservation", "8M"], "memory.low", `${8 * MIB}`],
  [["--pids-limit", "33"], "pids.max", "33"],
  [["--pids-limit", "-1"], "pids.max", "max"],
] as const) {
  test(`update ${flags.join(" ")} writes ${value} to ${file}`, () => {
    using box = started({ args: SLEEP, linux: { resources: { pids: { limit: 77 } } } });
    silent(runtime(["update", ...flags, box.id]));
    assert.is(cgroupOf(box).read(file), value);
    if (file !== "pids.max") assert.is(cgroupOf(box).read("pids.max"), "77");
  });
}

test("update --blkio-weight weighs input and output", () => {
  using box = started({ args: SLEEP });
  silent(runtime(["update", "--blkio-weight", "1000", box.id]));
  assert.is(cgroupOf(box).read("io.weight"), "default 10000");
});

test("update --resources takes a file, or standard input, and then no other flag", () => {
  using box = started({ args: SLEEP });
  const file = join(freshDirectory("update"), "resources.json");
  writeFileSync(file, '{"pids":{"limit":11}}');
  silent(runtime(["update", "-r", file, "--pids-limit", "99", box.id]));
  assert.is(cgroupOf(box).read("pids.max"), "11");
  silent(runtime(["update", "--resources", "-", box.id], { input: '{"pids":{"limit":12}}' }));
  assert.is(cgroupOf(box).read("pids.max"), "12");
});

test("one update adds to the other", () => {
  using box = started({ args: SLEEP });
  silent(runtime(["update", "--cpu-quota", "30000", box.id]));
  silent(runtime(["update", "--cpu-period", "60000", box.id]));
  assert.is(cgroupOf(box).read("cpu.max"), "30000 60000");
});

for (const flags of [
  ["--cpu-rt-period", "1000"],
  ["--cpu-rt-runtime", "1000"],
] as const) {
  test(`update ${flags[0]}, which cgroup v2 hasn't, is refused and changes nothing`, () => {
    using box = started({ args: SLEEP });
    assert.match(refusal(runtime(["update", ...flags, "--pids-limit", "5", box.id])), /cpu\.realtime/);
    assert.is(cgroupOf(box).read("pids.max"), "max");
  });
}

leavesNothing();
test.run();
