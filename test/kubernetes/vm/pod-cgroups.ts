/** Where pods are in the hierarchy of cgroups, and what the kernel has of their resources. */
import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { claims } from "../claims.ts";
import { containerId, type Pod, shell, statusOf } from "../pods.ts";
import { cgroupsOf, IDLE, inCgroup, MEBIBYTE, ON_HOST, PAGE, unitOf } from "./cgroups.ts";
import { POD_PIDS, THROTTLING } from "./guest.ts";

const { claim, all } = claims();
export const podCgroups = all;

/** The pod's slice is there below the slices of its class, and its containers are scopes in it, known by their ids. */
async function isInSlice(pod: Pod, above: string, prefix: string): Promise<void> {
  const { scope, slice, sandbox } = await cgroupsOf(pod);
  const { metadata } = await pod.read();
  assert.is(slice, `/sys/fs/cgroup/${above}/${prefix}-pod${metadata.uid.replaceAll("-", "_")}.slice`);
  assert.is(scope, `${slice}/cri-containerd-${containerId(statusOf(await pod.read()))}.scope`);
  assert.is(sandbox, `${slice}/cri-containerd-${(await pod.sandbox()).id}.scope`);
  assert.equal(unitOf(scope, "ActiveState", "Slice"), {
    ActiveState: "active",
    Slice: slice.slice(slice.lastIndexOf("/") + 1),
  });
}

claim("a Guaranteed pod is in kubepods.slice, and has what it asked for to itself", async ({ run }) => {
  const limits = { cpu: "200m", memory: "64Mi", "hugepages-2Mi": "4Mi" };
  await using pod = await run({ ...ON_HOST, containers: [shell(IDLE, { resources: { limits } })] });
  await pod.ready();
  await isInSlice(pod, "kubepods.slice", "kubepods");
  const { scope, slice } = await cgroupsOf(pod);
  const memory = String(64 * MEBIBYTE);
  assert.equal(inCgroup(scope, "memory.max", "memory.min", "memory.low", "memory.high", "memory.swap.max"), {
    "memory.max": memory,
    "memory.min": memory,
    "memory.low": "0",
    "memory.high": "max",
    "memory.swap.max": "0",
  });
  assert.equal(inCgroup(scope, "cpu.max", "cpu.weight", "memory.oom.group", "hugetlb.2MB.max"), {
    "cpu.max": "20000 100000",
    "cpu.weight": "29",
    "memory.oom.group": "1",
    "hugetlb.2MB.max": String(4 * MEBIBYTE),
  });
  assert.equal(inCgroup(slice, "memory.max", "memory.min", "cpu.max", "pids.max", "hugetlb.2MB.max"), {
    "memory.max": memory,
    "memory.min": memory,
    "cpu.max": "20000 100000",
    "pids.max": String(POD_PIDS),
    "hugetlb.2MB.max": String(4 * MEBIBYTE),
  });
  assert.equal(unitOf(scope, "MemoryMax", "MemoryMin", "CPUQuotaPerSecUSec", "CPUWeight"), {
    MemoryMax: memory,
    MemoryMin: memory,
    CPUQuotaPerSecUSec: "200ms",
    CPUWeight: "29",
  });
});

claim("a Burstable pod is throttled before its limit, and may swap in proportion", async ({ run }) => {
  const resources = {
    requests: { cpu: "100m", memory: "64Mi" },
    limits: { cpu: "300m", memory: "128Mi" },
  };
  await using pod = await run({ ...ON_HOST, containers: [shell(IDLE, { resources })] });
  await pod.ready();
  await isInSlice(pod, "kubepods.slice/kubepods-burstable.slice", "kubepods-burstable");
  const { scope } = await cgroupsOf(pod);
  const high = Math.floor(((64 + 64 * THROTTLING) * MEBIBYTE) / PAGE) * PAGE;
  assert.equal(inCgroup(scope, "memory.max", "memory.min", "memory.low", "memory.high"), {
    "memory.max": String(128 * MEBIBYTE),
    "memory.min": "0",
    "memory.low": String(64 * MEBIBYTE),
    "memory.high": String(high),
  });
  const share = (64 * MEBIBYTE * inMemory("SwapTotal")) / inMemory("MemTotal");
  assert.equal(inCgroup(scope, "memory.swap.max", "cpu.max", "cpu.weight"), {
    "memory.swap.max": String(Math.floor(share / PAGE) * PAGE),
    "cpu.max": "30000 100000",
    "cpu.weight": "17",
  });
});

claim("a BestEffort pod has the least weight, and no limit but the node's", async ({ run }) => {
  await using pod = await run({ ...ON_HOST, containers: [shell(IDLE)] });
  await pod.ready();
  await isInSlice(pod, "kubepods.slice/kubepods-besteffort.slice", "kubepods-besteffort");
  const { scope, slice } = await cgroupsOf(pod);
  assert.equal(inCgroup(scope, "memory.max", "memory.low", "memory.swap.max", "cpu.max", "cpu.weight"), {
    "memory.max": "max",
    "memory.low": "0",
    "memory.swap.max": "0",
    "cpu.max": "max 100000",
    "cpu.weight": "1",
  });
  assert.equal(inCgroup(slice, "memory.max", "pids.max"), {
    "memory.max": "max",
    "pids.max": String(POD_PIDS),
  });
});

claim("a pod's processes are counted against the node's limit for pods", async ({ run }) => {
  const script = `for i in $(seq ${POD_PIDS}); do sleep 100000 & done; echo all`;
  await using pod = await run({ ...ON_HOST, containers: [shell(script)] });
  assert.is.not((await pod.ended()).exitCode, 0);
  assert.match(await pod.log(), /can't fork: Resource temporarily unavailable/);
});

/** A line of /proc/meminfo, in bytes. */
function inMemory(name: string): number {
  const [, kibibytes] =
    readFileSync("/proc/meminfo", "utf8").match(new RegExp(`^${name}: +(\\d+) kB$`, "m")) ?? [];
  return Number(kibibytes) * 1024;
}
