import { test } from "uvu";
import { INT64_MAX, UINT64_MAX } from "../../../runtime-spec/config.ts";
import { accepts, refuses, warns, withResources } from "./claims.ts";

accepts(
  "what docker writes for nothing",
  withResources({
    memory: { limit: 0, swap: 0, disableOOMKiller: false },
    cpu: { shares: 0, quota: 0, period: 0, cpus: "", mems: "" },
    pids: null,
    blockIO: { weight: 0 },
    devices: null,
  }),
);
accepts(
  "no limits",
  withResources({
    memory: { limit: -1, swap: -1, reservation: INT64_MAX - 4095n, kernel: -1 },
    cpu: { quota: -1, realtimeRuntime: -1 },
    pids: { limit: -1 },
  }),
);
accepts(
  "limits",
  withResources({
    devices: [{ allow: false }, { allow: true, type: "c", major: 5, minor: -1, access: "rw" }],
    memory: { limit: 1e9, swap: 1e9, swappiness: 100, checkBeforeUpdate: true },
    cpu: { shares: 2, quota: 1000, burst: 1000, period: 1e6, cpus: "0-3,7-7", mems: "0", idle: 1 },
    pids: { limit: 0 },
    blockIO: {
      weight: 10,
      weightDevice: [{ major: 8, minor: 0, weight: 1000 }],
      throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 0 }],
    },
    hugepageLimits: [
      { pageSize: "2MB", limit: 0 },
      { pageSize: "64KB", limit: UINT64_MAX },
    ],
    network: { classID: 1048577, priorities: [{ name: "eth0", priority: 500 }] },
    rdma: { mlx5_1: { hcaHandles: 3 } },
    unified: { "memory.high": "max", "hugetlb.2MB.max": "0" },
  }),
);

refuses(
  "device rules that are none",
  withResources({ devices: [{ type: "d", major: -2, access: "rwx" }] }),
  "linux.resources.devices[0].allow is required",
  'linux.resources.devices[0].type is not a device type: "d" (one of: a, b, c)',
  "linux.resources.devices[0].major must be from -1 to 4294967295, found -2",
  'linux.resources.devices[0].access must be made of the letters r, w and m, found "rwx"',
);
refuses(
  "memory limits that are none",
  withResources({ memory: { limit: -2, reservation: 0.5, swappiness: 201 } }),
  "linux.resources.memory.limit must be from -1 to 2^63-1, found -2",
  "linux.resources.memory.reservation must be an integer, found 0.5",
  "linux.resources.memory.swappiness must be from 0 to 200, found 201",
);
refuses(
  "less memory and swap than memory",
  withResources({ memory: { limit: 2000, swap: 1000 } }),
  "linux.resources.memory.swap must not be less than limit (2000): it is memory and swap together, found 1000",
);
refuses(
  "CPU times that the kernel refuses",
  withResources({ cpu: { quota: 999, period: 1000001, idle: 2 } }),
  "linux.resources.cpu.idle must be from 0 to 1, found 2",
  "linux.resources.cpu.quota must be at least 1000 (microseconds), found 999",
  "linux.resources.cpu.period must be from 1000 to 1000000 (microseconds), found 1000001",
);
refuses(
  "a burst larger than the quota",
  withResources({ cpu: { quota: 2000, burst: 3000 } }),
  "linux.resources.cpu.burst must not exceed quota (2000), found 3000",
);
refuses(
  "more real time than there is",
  withResources({ cpu: { realtimeRuntime: 2, realtimePeriod: 1 } }),
  "linux.resources.cpu.realtimeRuntime must not exceed realtimePeriod (1), found 2",
);
refuses(
  "a CPU list that is none",
  withResources({ cpu: { cpus: "0-" } }),
  'linux.resources.cpu.cpus must be a list of numbers and ranges like "0-3,7", found "0-"',
);
warns(
  "a CPU share below the least",
  withResources({ cpu: { shares: 1 } }),
  "linux.resources.cpu.shares is raised to 2, the minimum; found 1",
);
warns(
  "a CPU share above the most",
  withResources({ cpu: { shares: 262145 } }),
  "linux.resources.cpu.shares is lowered to 262144, the maximum; found 262145",
);
accepts("pids without a limit", withResources({ pids: {} }));
refuses(
  "a pids limit below -1",
  withResources({ pids: { limit: -2 } }),
  "linux.resources.pids.limit must be from -1 to 2^63-1, found -2",
);
refuses(
  "block I/O weights out of range",
  withResources({
    blockIO: {
      weight: 9,
      weightDevice: [
        { major: 8, weight: 1001 },
        { major: 8, minor: 1, leafWeight: 5 },
      ],
    },
  }),
  "linux.resources.blockIO.weightDevice[0].minor is required",
  "linux.resources.blockIO.weightDevice[0].weight must be from 0 to 1000, found 1001",
  "linux.resources.blockIO.weightDevice[1].leafWeight must be from 10 to 1000, or 0 for not set, found 5",
  "linux.resources.blockIO.weight must be from 10 to 1000, or 0 for not set, found 9",
);
refuses(
  "a huge page size that is none",
  withResources({ hugepageLimits: [{ pageSize: "2M", limit: 1 }] }),
  'linux.resources.hugepageLimits[0].pageSize must be a size like "2MB" or "1GB", found "2M"',
);
refuses(
  "a network priority without an interface",
  withResources({ network: { priorities: [{ name: "a b", priority: 1 }] } }),
  'linux.resources.network.priorities[0].name must not contain slashes, colons or white space, found "a b"',
);
refuses(
  "an RDMA device without a limit",
  withResources({ rdma: { mlx5_1: {} } }),
  "linux.resources.rdma.mlx5_1 must have hcaHandles or hcaObjects",
);
refuses(
  "cgroup files that are none",
  withResources({ unified: { memory: "1", "../x.y": "1", "pids.max": 5 } }),
  'linux.resources.unified.memory must be a cgroup file name like "memory.high", found "memory"',
  'linux.resources.unified["../x.y"] must be a cgroup file name like "memory.high", found "../x.y"',
  'linux.resources.unified["pids.max"] must be a string, found 5',
);

test.run();
