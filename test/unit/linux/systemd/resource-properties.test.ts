import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Resources } from "../../../../runtime-spec/config-linux-resources.ts";
import { resourceWrites } from "../../../../src/linux/cgroups/resources.ts";
import { resourceProperties } from "../../../../src/linux/systemd/resource-properties.ts";

const INFINITY = 2n ** 64n - 1n;

/** What `resources` come to, as `{ NAME: value }`. */
function propertiesOf(resources: Resources) {
  const properties = resourceProperties(resourceWrites(resources));
  return Object.fromEntries(properties.map(([name, { value }]) => [name, value]));
}

function types(resources: Resources) {
  return resourceProperties(resourceWrites(resources)).map(([name, { signature }]) => `${name} ${signature}`);
}

for (const [what, resources, properties] of [
  ["nothing", {}, {}],
  ["a memory limit", { memory: { limit: 1 << 26 } }, { MemoryMax: 1n << 26n }],
  ["memory and swap", { memory: { limit: 1000, swap: 1500 } }, { MemoryMax: 1000n, MemorySwapMax: 500n }],
  ["no memory limit", { memory: { limit: -1 } }, { MemoryMax: INFINITY, MemorySwapMax: INFINITY }],
  ["a memory reservation", { memory: { reservation: 4096 } }, { MemoryLow: 4096n }],
  ["pids", { pids: { limit: 20 } }, { TasksMax: 20n }],
  ["no limit of pids", { pids: { limit: -1 } }, { TasksMax: INFINITY }],
  ["shares", { cpu: { shares: 1024 } }, { CPUWeight: 100n }],
  ["idle", { cpu: { idle: 1 } }, { CPUWeight: 0n }],
  ["a quota", { cpu: { quota: 50_000 } }, { CPUQuotaPeriodUSec: 100_000n, CPUQuotaPerSecUSec: 500_000n }],
  [
    "a quota of part of a percent, rounded up",
    { cpu: { quota: 1234, period: 50_000 } },
    { CPUQuotaPeriodUSec: 50_000n, CPUQuotaPerSecUSec: 30_000n },
  ],
  [
    "a period alone",
    { cpu: { period: 50_000 } },
    { CPUQuotaPeriodUSec: 50_000n, CPUQuotaPerSecUSec: INFINITY },
  ],
  [
    "processors",
    { cpu: { cpus: "0-2,9", mems: "0" } },
    { AllowedCPUs: Uint8Array.of(7, 2), AllowedMemoryNodes: Uint8Array.of(1) },
  ],
  ["a weight of I/O", { blockIO: { weight: 1000 } }, { IOWeight: 10_000n }],
  ["huge pages, which systemd does not limit", { hugepageLimits: [{ pageSize: "2MB", limit: 0 }] }, {}],
  [
    "unified files",
    {
      unified: { "memory.high": "64M", "memory.min": "max", "cpu.max": "max 20000", "memory.oom.group": "1" },
    },
    {
      MemoryHigh: 1n << 26n,
      MemoryMin: INFINITY,
      CPUQuotaPeriodUSec: 20_000n,
      CPUQuotaPerSecUSec: INFINITY,
    },
  ],
  [
    "unified over the others",
    { memory: { limit: 1000 }, unified: { "memory.max": "2000" } },
    { MemoryMax: 2000n },
  ],
] as const satisfies readonly (readonly [string, Resources, object])[])
  test(`${what}`, () => {
    assert.equal(propertiesOf(resources), properties);
  });

test("weights and rates of several devices are one list each", () => {
  const blockIO = {
    weightDevice: [
      { major: 8, minor: 0, weight: 10 },
      { major: 8, minor: 16, weight: 1000 },
    ],
    throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1000 }],
    throttleWriteIOPSDevice: [
      { major: 8, minor: 0, rate: 5 },
      { major: 8, minor: 16, rate: 0 },
    ],
  };
  assert.equal(propertiesOf({ blockIO }), {
    IODeviceWeight: [
      ["/dev/block/8:0", 1n],
      ["/dev/block/8:16", 10_000n],
    ],
    IOReadBandwidthMax: [["/dev/block/8:0", 1000n]],
    IOWriteIOPSMax: [
      ["/dev/block/8:0", 5n],
      ["/dev/block/8:16", INFINITY],
    ],
  });
});

test("the types are those of org.freedesktop.systemd1(5)", () => {
  const cpu = { quota: 1000, cpus: "0", shares: 2 };
  const throttleReadBpsDevice = [{ major: 8, minor: 0, rate: 1 }];
  assert.equal(types({ cpu, memory: { limit: 1 }, blockIO: { weight: 10, throttleReadBpsDevice } }), [
    "MemoryMax t",
    "IOWeight t",
    "IOReadBandwidthMax a(st)",
    "CPUWeight t",
    "CPUQuotaPeriodUSec t",
    "CPUQuotaPerSecUSec t",
    "AllowedCPUs ay",
  ]);
});

test("a value that the kernel will refuse is not systemd's to know", () => {
  assert.equal(propertiesOf({ unified: { "memory.max": "much", "cpu.max": "", "cpuset.cpus": "all" } }), {});
});

test.run();
