// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { JsonObject } from "../harness/bundle.ts";
import { container, inside, started } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { measured } from "../harness/measured.ts";
import { complaint, succeeded } from "../harness/runtime.ts";
import { cgroupOf } from "./cgroup.ts";

const SPIN = ["sh", "-c", "while :; do :; done"];
const SECONDS = 2;

function spinning(resources: JsonObject) {
  return started({ args: SPIN, linux: { resources } });
}

test("a quota of a fifth of a processor is kept", async () => {
  using box = spinning({ cpu: { quota: 20_000, period: 100_000 } });
  const cgroup = cgroupOf(box);
  const used = () => cgroup.value("cpu.stat", "usage_usec") / 1e6;
  const [before, began] = [used(), performance.now()];
  await Bun.sleep(SECONDS * 1000);
  const share = (used() - before) / ((performance.now() - began) / 1000);
  measured("share of a processor that a quota of 20% leaves", `${(share * 100).toFixed(1)}%`);
  assert.ok(share < 0.25, `${share}`);
  assert.ok(cgroup.value("cpu.stat", "nr_throttled") > 0);
});

/** How much more of one processor the second gets than the first. */
async function shares(first: JsonObject, second: JsonObject): Promise<number> {
  using light = spinning(first);
  using heavy = spinning(second);
  const used = () => [light, heavy].map((box) => cgroupOf(box).value("cpu.stat", "usage_usec"));
  const [lightBefore = 0, heavyBefore = 0] = used();
  await Bun.sleep(SECONDS * 1000);
  const [lightAfter = 0, heavyAfter = 0] = used();
  return (heavyAfter - heavyBefore) / Math.max(lightAfter - lightBefore, 1);
}

test("two containers share a processor by their weights", async () => {
  const weigh = (weight: number): JsonObject => ({
    cpu: { cpus: "0" },
    unified: { "cpu.weight": `${weight}` },
  });
  const ratio = await shares(weigh(50), weigh(400));
  measured("ratio of processor time at weights of 400 and 50", ratio.toFixed(1));
  assert.ok(ratio > 3, `${ratio}`);
});

test("an idle container leaves the processor to others", async () => {
  const ratio = await shares({ cpu: { cpus: "0", idle: 1 } }, { cpu: { cpus: "0" } });
  assert.ok(ratio > 5, `${ratio}`);
});

test("burst is what config.json says", () => {
  using box = spinning({ cpu: { quota: 20_000, period: 100_000, burst: 10_000 } });
  assert.is(cgroupOf(box).read("cpu.max.burst"), "10000");
});

test("cpus and mems are the only ones that the container may use", () => {
  const seen = inside(["sh", "-c", "grep _allowed_list /proc/self/status; nproc"], {
    linux: { resources: { cpu: { cpus: "1", mems: "0" } } },
  });
  assert.is(seen, "Cpus_allowed_list:\t1\nMems_allowed_list:\t0\n1\n");
});

test("they hold for what exec starts, too", () => {
  using box = spinning({ cpu: { cpus: "1" } });
  assert.is(succeeded(box.exec("nproc")).stdout, "1\n");
});

for (const [property, value] of [
  ["cpus", "9"],
  ["mems", "9"],
] as const) {
  test(`${property} that the machine doesn't have are refused, and named`, () => {
    using box = container({ linux: { resources: { cpu: { [property]: value } } } });
    const said = complaint(box.call("create", "--bundle", box.bundle.path));
    assert.match(said, new RegExp(`linux\\.resources\\.cpu\\.${property}`));
  });
}

leavesNothing();
test.run();
