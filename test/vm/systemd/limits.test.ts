import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Patch } from "../../harness/bundle.ts";
import { command } from "../../harness/mount.ts";
import { complaint, runtime, silent } from "../../harness/runtime.ts";
import { nothingIsLeft } from "./leaks.ts";
import { createdInScope, inCgroup, scopeOf, shown, startedInScope } from "./units.ts";

const limited = (resources: Patch): Patch => ({ args: ["sleep", "60"], linux: { resources } });

test("systemd knows the limits, and the cgroup has them", () => {
  using box = createdInScope(
    limited({
      memory: { limit: 64 << 20, swap: 96 << 20, reservation: 16 << 20 },
      cpu: { shares: 2048, quota: 50_000, period: 200_000, cpus: "1", mems: "0" },
      pids: { limit: 21 },
      unified: { "memory.high": "48M" },
    }),
  );
  const unit = scopeOf(box);
  for (const [property, value, file, content] of [
    ["MemoryMax", String(64 << 20), "memory.max", String(64 << 20)],
    ["MemorySwapMax", String(32 << 20), "memory.swap.max", String(32 << 20)],
    ["MemoryLow", String(16 << 20), "memory.low", String(16 << 20)],
    ["MemoryHigh", String(48 << 20), "memory.high", String(48 << 20)],
    ["CPUWeight", "174", "cpu.weight", "174"],
    ["CPUQuotaPerSecUSec", "250ms", "cpu.max", "50000 200000"],
    ["AllowedCPUs", "1", "cpuset.cpus", "1"],
    ["AllowedMemoryNodes", "0", "cpuset.mems", "0"],
    ["TasksMax", "21", "pids.max", "21"],
  ] as const) {
    assert.is(shown(unit, property), value, property);
    assert.is(inCgroup(unit, file), content, file);
  }
});

test("what systemd rounds is exact in the cgroup", () => {
  using box = createdInScope(limited({ cpu: { quota: 1234, period: 50_000 } }));
  assert.is(shown(scopeOf(box), "CPUQuotaPerSecUSec"), "30ms");
  assert.is(inCgroup(scopeOf(box), "cpu.max"), "1234 50000");
});

test("what systemd has no word for is in the cgroup", () => {
  using box = createdInScope(
    limited({
      hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }],
      cpu: { quota: 50_000, burst: 10_000 },
      unified: { "memory.oom.group": "1" },
    }),
  );
  assert.is(inCgroup(scopeOf(box), "hugetlb.2MB.max"), String(4 << 20));
  assert.is(inCgroup(scopeOf(box), "cpu.max.burst"), "10000");
  assert.is(inCgroup(scopeOf(box), "memory.oom.group"), "1");
});

test("an idle container is idle for systemd too", () => {
  using box = createdInScope(limited({ cpu: { idle: 1 } }));
  assert.is(shown(scopeOf(box), "CPUWeight"), "idle");
  assert.is(inCgroup(scopeOf(box), "cpu.idle"), "1");
});

test("limits stay when systemd reads its units again", () => {
  using box = createdInScope(
    limited({ memory: { limit: 64 << 20 }, pids: { limit: 21 }, cpu: { shares: 2048 } }),
  );
  command("systemctl", "daemon-reload");
  assert.is(inCgroup(scopeOf(box), "memory.max"), String(64 << 20));
  assert.is(inCgroup(scopeOf(box), "pids.max"), "21");
  assert.is(inCgroup(scopeOf(box), "cpu.weight"), "174");
});

test("an update changes both, without being told of systemd", () => {
  using box = startedInScope(limited({ memory: { limit: 64 << 20 }, pids: { limit: 21 } }));
  silent(
    runtime(["update", "--memory", String(128 << 20), "--cpu-quota", "30000", "--cpuset-cpus", "0", box.id]),
  );
  const unit = scopeOf(box);
  assert.is(shown(unit, "MemoryMax"), String(128 << 20));
  assert.is(inCgroup(unit, "memory.max"), String(128 << 20));
  assert.is(shown(unit, "CPUQuotaPerSecUSec"), "300ms");
  assert.is(inCgroup(unit, "cpu.max"), "30000 100000");
  assert.is(inCgroup(unit, "cpuset.cpus"), "0");
  assert.is(shown(unit, "TasksMax"), "21");
  assert.is(inCgroup(unit, "pids.max"), "21");
});

test("an update below what is in use is refused before systemd hears of it", () => {
  using box = startedInScope(limited({ memory: { limit: 64 << 20 } }));
  const update = ["update", "--resources", "-", box.id];
  const input = JSON.stringify({ memory: { limit: 4096, checkBeforeUpdate: true } });
  assert.match(
    complaint(runtime(update, { input })),
    /memory\.limit: 4096 is not above the \d+ bytes in use/,
  );
  assert.is(shown(scopeOf(box), "MemoryMax"), String(64 << 20));
  assert.is(box.state().status, "running");
});

nothingIsLeft();
test.run();
