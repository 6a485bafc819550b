import { test } from "uvu";
import * as assert from "uvu/assert";
import { schedAttr } from "../../../src/kernel/scheduling.ts";
import { cpuMask } from "../../../src/linux/process/scheduling.ts";

/** The CPUs whose bits are set. */
function cpus(mask: Uint8Array): number[] {
  return [...mask].flatMap((byte, at) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte >> bit) & 1).map((bit) => at * 8 + bit),
  );
}

for (const [list, wanted] of [
  ["0", [0]],
  ["1,3", [1, 3]],
  ["6-9", [6, 7, 8, 9]],
  ["0-2, 16", [0, 1, 2, 16]],
  ["0-11:2/4", [0, 1, 4, 5, 8, 9]],
] as const) {
  test(`the CPU list ${list} is a mask of ${wanted}`, () => {
    assert.equal(cpus(cpuMask(list)), [...wanted]);
  });
}

test("a CPU beyond all is in no mask", () => {
  assert.equal(cpus(cpuMask("100000000-4000000000")), []);
});

test("sched_attr is laid out as the kernel's header has it", () => {
  const bytes = schedAttr({
    policy: 6,
    flags: 1,
    nice: -2,
    priority: 3,
    runtime: 4,
    deadline: 5,
    period: 2 ** 40,
  });
  const words = [...new Uint32Array(bytes.buffer)];
  assert.equal(words, [56, 6, 1, 0, 2 ** 32 - 2, 3, 4, 0, 5, 0, 0, 256, 0, 0]);
});

test.run();
