// Runs beside other files.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { started } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { silent } from "../harness/runtime.ts";
import { edit, verified } from "../integration/verify/verified.ts";
import { cgroupOf } from "./cgroup.ts";

const MIB = 1024 * 1024;
const LIMITS = {
  memory: { limit: 64 * MIB + 1, swap: 96 * MIB, reservation: 32 * MIB },
  cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: "0", idle: 0 },
  pids: { limit: 50 },
  devices: [{ allow: false, access: "rwm" }],
};
const SLEEP = ["sleep", "600"];

test("limits are as config.json says", () => {
  using box = started({ args: SLEEP, linux: { resources: LIMITS } });
  const { differs, unseen, findings } = verified(box.id);
  assert.equal({ differs, unseen }, { differs: [], unseen: [] });
  const limits = findings.filter(({ path }) => path.startsWith("linux.resources."));
  assert.ok(limits.length >= 7, JSON.stringify(limits));
});

test("limits that were changed are told, and whether it was tsrun update", () => {
  using box = started({ args: SLEEP, linux: { resources: LIMITS } });
  silent(box.call("update", "--pids-limit", "60"));
  writeFileSync(join(cgroupOf(box).path, "memory.max"), String(128 * MIB));
  writeFileSync(join(cgroupOf(box).path, "cpu.max"), "max 100000");
  assert.equal(verified(box.id).differs, [
    "linux.resources.pids.limit: 60 (pids.max), set by tsrun update",
    `linux.resources.memory.limit: ${128 * MIB} (memory.max)`,
    "linux.resources.cpu.quota: max 100000 (cpu.max)",
  ]);
});

test("a limit that no property asks for is told", () => {
  using box = started({ args: SLEEP, linux: { resources: LIMITS } });
  edit(box.bundle, (config) => ({ ...config, linux: { ...config.linux, resources: {} } }));
  const { differs } = verified(box.id);
  for (const path of ["memory.limit", "memory.swap", "pids.limit", "cpu.quota"])
    assert.ok(
      differs.some((line) => line.startsWith(`linux.resources.${path}: `)),
      `${path}: ${differs.join("\n")}`,
    );
});

leavesNothing();
test.run();
