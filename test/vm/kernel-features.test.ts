// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { handOut } from "../harness/handed-out.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { runtime, silent } from "../harness/runtime.ts";
import { KERNEL_FEATURES, parseCheck } from "./kernel-features.ts";

const checked = silent(runtime(["check", "--json"]));
const found = parseCheck(checked.stdout);
const stateOf = (name: string) => found.features.find((feature) => feature.name === name)?.state;

test("containers can run in the guest", () => {
  assert.equal(found.lacking, []);
});

for (const controller of ["cpu", "cpuset", "io", "memory", "hugetlb", "pids"]) {
  test(`the guest has the cgroup controller ${controller}`, () => {
    assert.is(stateOf(`cgroup.controller.${controller}`), "works");
  });
}

test("nothing is forbidden to root of the guest", () => {
  const forbidden = found.features.filter(({ state }) => state === "forbidden");
  assert.equal(forbidden, []);
});

test("docs/kernel-features.md can be written of it", () => {
  handOut(KERNEL_FEATURES, checked.stdout);
});

leavesNothing();
test.run();
