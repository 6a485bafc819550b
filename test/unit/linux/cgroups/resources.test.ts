import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Resources } from "../../../../runtime-spec/config-linux-resources.ts";
import { INT64_MAX, UINT64_MAX } from "../../../../runtime-spec/int64.ts";
import { resourceNotes, resourceWrites } from "../../../../src/linux/cgroups/resources.ts";

/** The writes as `file = value`. */
const writes = (resources: Resources) =>
  resourceWrites(resources).map(({ file, value }) => `${file} = ${value}`);
const refused = (resources: Resources, complaint: RegExp) =>
  assert.throws(() => resourceWrites(resources), complaint);

test("zeros are unset, as docker writes them", () => {
  const resources: Resources = {
    memory: { limit: 0, reservation: 0, swap: 0, disableOOMKiller: false },
    cpu: { shares: 0, quota: 0, period: 0, realtimeRuntime: 0, realtimePeriod: 0, cpus: "", mems: "" },
    blockIO: { weight: 0, leafWeight: 0, weightDevice: [] },
    hugepageLimits: [],
    network: { classID: 0, priorities: [] },
  };
  assert.equal(writes(resources), []);
  assert.equal(resourceNotes(resources), []);
});

test("every write says which property asks for it", () => {
  const resources: Resources = {
    memory: { limit: 1 },
    blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] },
    unified: { "memory.high": "1" },
  };
  assert.equal(
    resourceWrites(resources).map(({ where }) => where),
    [
      "linux.resources.memory.limit",
      "linux.resources.blockIO.throttleReadBpsDevice[0].rate",
      'linux.resources.unified["memory.high"]',
    ],
  );
});

// Memory

test("memory.limit and reservation are memory.max and memory.low", () => {
  assert.equal(writes({ memory: { limit: 64, reservation: 32 } }), ["memory.max = 64", "memory.low = 32"]);
});

test("swap loses the memory that it counts in", () => {
  assert.equal(writes({ memory: { limit: 64, swap: 100 } }), ["memory.swap.max = 36", "memory.max = 64"]);
  assert.equal(writes({ memory: { limit: 64, swap: 64 } }), ["memory.swap.max = 0", "memory.max = 64"]);
  assert.equal(writes({ memory: { limit: 64, swap: -1 } }), ["memory.swap.max = max", "memory.max = 64"]);
});

test("-1 is no limit, and that of memory also one of swap", () => {
  assert.equal(writes({ memory: { limit: -1 } }), ["memory.swap.max = max", "memory.max = max"]);
  assert.equal(writes({ memory: { limit: -1, swap: 50 } }), ["memory.swap.max = 50", "memory.max = max"]);
  assert.equal(writes({ memory: { reservation: -1 } }), ["memory.low = max"]);
});

test("the largest numbers are no limit", () => {
  for (const limit of [INT64_MAX, INT64_MAX - 4095n])
    assert.equal(writes({ memory: { limit } }), ["memory.max = max"]);
  assert.equal(writes({ memory: { limit: INT64_MAX, swap: INT64_MAX } }), [
    "memory.swap.max = max",
    "memory.max = max",
  ]);
  const hugepageLimits = [{ pageSize: "2MB", limit: UINT64_MAX }];
  assert.equal(writes({ hugepageLimits }), ["hugetlb.2MB.max = max", "hugetlb.2MB.rsvd.max = max"]);
});

test("numbers beyond 2^53 are written as they are", () => {
  const limit = 4611686018427387905n;
  assert.equal(writes({ memory: { limit, swap: limit + 2n, reservation: limit } }), [
    "memory.swap.max = 2",
    `memory.max = ${limit}`,
    `memory.low = ${limit}`,
  ]);
  assert.equal(writes({ memory: { limit: 1, swap: limit } }), [
    "memory.swap.max = 4611686018427387904",
    "memory.max = 1",
  ]);
  assert.equal(writes({ pids: { limit } }), [`pids.max = ${limit}`]);
  assert.equal(writes({ cpu: { quota: limit, burst: limit, shares: UINT64_MAX } }), [
    "cpu.weight = 10000",
    `cpu.max.burst = ${limit}`,
    `cpu.max = ${limit} 100000`,
    `cpu.max.burst = ${limit}`,
  ]);
  const throttled = [{ major: 8, minor: 0, rate: limit }];
  assert.equal(writes({ blockIO: { throttleReadBpsDevice: throttled } }), [`io.max = 8:0 rbps=${limit}`]);
});

test("swap without memory, or below it, is refused", () => {
  refused({ memory: { swap: 64 } }, /memory\.swap: needs memory\.limit/);
  refused({ memory: { limit: 64, swap: 32 } }, /memory\.swap: must not be below memory\.limit \(64\)/);
});

test("swap that the kernel doesn't count is no error when there is nothing to limit", () => {
  const tolerates = (swap: number) =>
    resourceWrites({ memory: { limit: 64, swap } })[0]?.tolerate !== undefined;
  assert.ok(tolerates(64));
  assert.ok(tolerates(-1));
  assert.not(tolerates(65));
});

test("checkBeforeUpdate makes the use so far count", () => {
  const [swap, memory] = resourceWrites({ memory: { limit: 64, swap: 100, checkBeforeUpdate: true } });
  assert.equal(swap?.mustExceed, { file: "memory.current", than: 100 });
  assert.equal(memory?.mustExceed, { file: "memory.current", than: 64 });
  assert.is(resourceWrites({ memory: { limit: 64 } })[0]?.mustExceed, undefined);
});

test("what only cgroup v1 knows of memory is noted", () => {
  const memory = { kernel: 1, kernelTCP: 2, swappiness: 60, disableOOMKiller: true, useHierarchy: true };
  assert.equal(writes({ memory }), []);
  assert.equal(
    resourceNotes({ memory }).map(({ where }) => where.replace("linux.resources.memory.", "")),
    ["kernel", "kernelTCP", "swappiness", "disableOOMKiller"],
  );
});

// CPU

test("shares become a weight on the curve through cgroup v1's and v2's least, default and largest", () => {
  const weight = (shares: number) => writes({ cpu: { shares } })[0];
  for (const [shares, expected] of [
    [1, 1],
    [2, 1],
    [256, 35],
    [512, 59],
    [1024, 100],
    [2048, 174],
    [262144, 10000],
    [2 ** 40, 10000],
  ] as const)
    assert.is(weight(shares), `cpu.weight = ${expected}`);
});

test("quota and period are cpu.max", () => {
  assert.equal(writes({ cpu: { quota: 50000, period: 200000 } }), ["cpu.max = 50000 200000"]);
  assert.equal(writes({ cpu: { quota: 50000 } }), ["cpu.max = 50000 100000"]);
  assert.equal(writes({ cpu: { quota: -1 } }), ["cpu.max = max 100000"]);
  assert.equal(writes({ cpu: { period: 50000 } }), ["cpu.max = max 50000"]);
});

test("burst is tried before the quota and written after it", () => {
  const [first, quota, second] = resourceWrites({ cpu: { quota: 5000, burst: 2000 } });
  assert.is(first?.file, "cpu.max.burst");
  assert.ok(first?.tolerate?.length);
  assert.is(quota?.file, "cpu.max");
  assert.is(second?.file, "cpu.max.burst");
  assert.is(second?.tolerate, undefined);
});

test("an idle cgroup gets no weight; one that is to be idle no more gets it afterwards", () => {
  assert.equal(writes({ cpu: { idle: 1, shares: 1024 } }), ["cpu.idle = 1"]);
  assert.equal(writes({ cpu: { idle: 0, shares: 1024 } }), ["cpu.idle = 0", "cpu.weight = 100"]);
});

test("cpus and mems are cpuset's", () => {
  assert.equal(writes({ cpu: { cpus: "0-1", mems: "0" } }), ["cpuset.cpus = 0-1", "cpuset.mems = 0"]);
});

test("realtime shares are refused", () => {
  refused({ cpu: { realtimeRuntime: 950000 } }, /cpu\.realtimeRuntime/);
  refused({ cpu: { realtimePeriod: 1000000 } }, /cpu\.realtimePeriod/);
});

// Block devices

test("a weight is BFQ's, or io.weight on its scale where the kernel lacks BFQ", () => {
  const [weight, device] = resourceWrites({
    blockIO: { weight: 500, weightDevice: [{ major: 8, minor: 16, weight: 1000 }] },
  });
  assert.equal([weight?.file, weight?.value], ["io.bfq.weight", "500"]);
  assert.equal(weight?.otherwise, { file: "io.weight", value: "4950" });
  assert.equal([device?.file, device?.value], ["io.bfq.weight", "8:16 1000"]);
  assert.equal(device?.otherwise, { file: "io.weight", value: "8:16 10000" });
});

test("each throttled device is a line for io.max", () => {
  const device = { major: 8, minor: 0, rate: 1024 };
  const blockIO = {
    throttleReadBpsDevice: [device],
    throttleWriteBpsDevice: [device],
    throttleReadIOPSDevice: [device],
    throttleWriteIOPSDevice: [{ ...device, rate: 0 }],
  };
  assert.equal(writes({ blockIO }), [
    "io.max = 8:0 rbps=1024",
    "io.max = 8:0 wbps=1024",
    "io.max = 8:0 riops=1024",
    "io.max = 8:0 wiops=max",
  ]);
});

test("leaf weights and weights below 10 are refused", () => {
  refused({ blockIO: { leafWeight: 10 } }, /blockIO\.leafWeight/);
  refused(
    { blockIO: { weightDevice: [{ major: 8, minor: 0, leafWeight: 10 }] } },
    /weightDevice\[0\]\.leafWeight/,
  );
  refused({ blockIO: { weight: 9 } }, /blockIO\.weight/);
});

// Others

test("pids.limit is pids.max, where 0 is 1 and -1 none", () => {
  assert.equal(writes({ pids: { limit: 50 } }), ["pids.max = 50"]);
  assert.equal(writes({ pids: { limit: 0 } }), ["pids.max = 1"]);
  assert.equal(writes({ pids: { limit: -1 } }), ["pids.max = max"]);
});

test("a huge page limit holds for pages in use and reserved", () => {
  assert.equal(writes({ hugepageLimits: [{ pageSize: "2MB", limit: 4194304 }] }), [
    "hugetlb.2MB.max = 4194304",
    "hugetlb.2MB.rsvd.max = 4194304",
  ]);
});

test("an RDMA device's limits are one line", () => {
  assert.equal(
    writes({ rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 }, mlx4_0: { hcaObjects: 0 } } }),
    ["rdma.max = mlx5_1 hca_handle=3 hca_object=10000", "rdma.max = mlx4_0 hca_object=0"],
  );
});

test("network classes and priorities are refused", () => {
  refused({ network: { classID: 0x100001 } }, /network\.classID: cgroup v2 has no/);
  refused({ network: { priorities: [{ name: "eth0", priority: 1 }] } }, /network\.priorities/);
});

test("unified has the last word, line by line", () => {
  const resources: Resources = {
    unified: { "memory.max": "max", "io.max": "8:0 rbps=1\n8:16 rbps=2\n" },
    memory: { limit: 64 },
  };
  assert.equal(writes(resources), [
    "memory.max = 64",
    "memory.max = max",
    "io.max = 8:0 rbps=1",
    "io.max = 8:16 rbps=2",
  ]);
});

for (const file of [
  "memory/high",
  "../memory.high",
  "memory.high/../../x",
  "high",
  ".high",
  "memory.",
  "Memory.high",
]) {
  test(`unified refuses the file name ${JSON.stringify(file)}`, () => {
    refused({ unified: { [file]: "1" } }, /linux\.resources\.unified\[/);
  });
}

test.run();
