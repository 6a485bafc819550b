// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { JsonObject } from "../harness/bundle.ts";
import { container, ran, started } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { measured } from "../harness/measured.ts";
import { cgroupOf } from "./cgroup.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** `resources` of a memory limit, and no swap beside it. */
function within(limit: number): JsonObject {
  return { resources: { memory: { limit, swap: limit } } };
}

const runsTrue = (limit: number) => ran({ args: ["/bin/true"], linux: within(limit) }).status === 0;

function startsPause(limit: number): boolean {
  using box = container({ args: ["/pause"], linux: within(limit) }, "pause");
  const { status } = box.call("create", "--bundle", box.bundle.path);
  return status === 0 && box.call("start").status === 0;
}

/** How often what must always work is tried. */
const TIMES = 3;

for (const limit of [MIB, 512 * KIB]) {
  test(`busybox's true runs within ${limit / KIB} KiB, time after time`, () => {
    const failed = Array.from({ length: TIMES }, () => runsTrue(limit)).filter((good) => !good);
    assert.is(failed.length, 0, `${failed.length} of ${TIMES} failed`);
  });
}

test("pause starts within 512 KiB, time after time", () => {
  const failed = Array.from({ length: TIMES }, () => startsPause(512 * KIB)).filter((good) => !good);
  assert.is(failed.length, 0, `${failed.length} of ${TIMES} failed`);
});

/**
 * The least limit, to two pages, under which `works`, once in three tries: the kernel charges memory in advance, a
 * quarter of a MiB for each processor, and so now and then kills a process that stays below a limit so small.
 */
function least(works: (limit: number) => boolean): number {
  let [tooLittle, enough] = [64 * KIB, 512 * KIB];
  while (enough - tooLittle > 8 * KIB) {
    const middle = (tooLittle + enough) / 2;
    if (works(middle) || works(middle) || works(middle)) enough = middle;
    else tooLittle = middle;
  }
  return enough;
}

test("busybox's true runs within less than 512 KiB", () => {
  const limit = least(runsTrue);
  measured("least memory.max that busybox's true was seen to run in", `${limit / KIB} KiB`);
  assert.ok(limit < 512 * KIB, `${limit}`);
});

test("pause starts within less than 256 KiB", () => {
  const limit = least(startsPause);
  measured("least memory.max that pause was seen to start in", `${limit / KIB} KiB`);
  using box = started({ args: ["/pause"], linux: within(MIB) }, "pause");
  const kernel = cgroupOf(box).value("memory.stat", "kernel");
  const own = cgroupOf(box).value("memory.stat", "anon") + cgroupOf(box).value("memory.stat", "file");
  measured("memory that pause takes", `${own / KIB} KiB of its own, ${kernel / KIB} KiB of the kernel's`);
  assert.ok(limit < 256 * KIB, `${limit}`);
});

leavesNothing();
test.run();
