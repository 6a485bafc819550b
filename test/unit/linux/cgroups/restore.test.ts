import { test } from "uvu";
import * as assert from "uvu/assert";
import { applyAllOrNone } from "../../../../src/linux/cgroups/restore.ts";
import { FakeHierarchy } from "./fake-cgroup.ts";

const where = "linux.resources.unified";
/** A write that no cgroup takes. */
const REFUSED = { file: "not.there", value: "1", where };

test("all writes are made when none is refused", () => {
  using cgroup = new FakeHierarchy({ "pids.max": "30", "cpu.max": "max 100000" });
  applyAllOrNone(cgroup.mount, [
    { file: "pids.max", value: "40", where },
    { file: "cpu.max", value: "20000 100000", where },
  ]);
  assert.is(cgroup.read("pids.max"), "40");
  assert.is(cgroup.read("cpu.max"), "20000 100000");
});

for (const [file, before, value, after] of [
  ["pids.max", "30", "40", "30"],
  ["cpuset.cpus", "", "1", "\n"],
  ["io.max", "8:0 rbps=10 wbps=max", "8:0 rbps=5", "8:0 rbps=10 wbps=max"],
  ["io.max", "", "8:0 rbps=5", "8:0 rbps=max wbps=max riops=max wiops=max"],
  ["io.weight", "default 100\n8:0 50", "8:0 70", "8:0 50"],
  ["io.weight", "default 100", "8:16 70", "8:16 default"],
] as const) {
  test(`"${value}" in ${file} is taken back to "${before}" when a later write is refused`, () => {
    using cgroup = new FakeHierarchy({ [file]: before });
    assert.throws(() => applyAllOrNone(cgroup.mount, [{ file, value, where }, REFUSED]), /not\.there/);
    assert.ok(cgroup.read(file).startsWith(after), cgroup.read(file)); // nothing is cut off a plain file
  });
}

test("a file that the kernel doesn't have needs no restoring", () => {
  using cgroup = new FakeHierarchy({ "io.weight": "default 100" });
  const otherwise = { file: "io.weight", value: "default 50" };
  const write = { file: "io.bfq.weight", value: "50", where, otherwise };
  assert.throws(() => applyAllOrNone(cgroup.mount, [write, REFUSED]), /not\.there/);
  assert.is(cgroup.read("io.weight"), "default 100");
});

test.run();
