/** `linux.resources` as writes to cgroup v2 files, which apply.ts performs. Device rules are in device-rules.ts. */
import type {
  HugepageLimit,
  Network,
  Pids,
  Rdma,
  Resources,
} from "../../../runtime-spec/config-linux-resources.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { fail } from "../../kernel/user-error.ts";
import { blockIoWrites } from "./block-io.ts";
import { type CgroupWrite, limit, limitText, type Note, RESOURCES } from "./cgroup-write.ts";
import { cpuWrites } from "./cpu.ts";
import { memoryNotes, memoryWrites } from "./memory.ts";

/**
 * What to write where, in this order. Properties that exist only in cgroup v1 are refused, or left out where callers
 * rely on that (`resourceNotes` lists these). `unified` comes last, so it overrides the others. @throws UserError
 */
export function resourceWrites(resources: Resources): readonly CgroupWrite[] {
  const { pids, memory, blockIO, cpu, hugepageLimits, rdma, network, unified } = resources;
  if (network !== undefined) refuseNetwork(network);
  const writes: CgroupWrite[] = [];
  if (pids !== undefined) writes.push(...pidsWrites(pids));
  if (memory !== undefined) writes.push(...memoryWrites(memory));
  if (blockIO !== undefined) writes.push(...blockIoWrites(blockIO));
  if (cpu !== undefined) writes.push(...cpuWrites(cpu));
  for (const [index, one] of (hugepageLimits ?? []).entries()) writes.push(...hugepageWrites(one, index));
  for (const entry of Object.entries(rdma ?? {})) writes.push(...rdmaWrites(entry));
  for (const entry of Object.entries(unified ?? {})) writes.push(...unifiedWrites(entry));
  return writes;
}

/** What `resourceWrites` leaves out: bundle.ts warns of it. */
export function resourceNotes(resources: Resources): readonly Note[] {
  return resources.memory === undefined ? [] : memoryNotes(resources.memory);
}

/** The kernel accepts 0 and systemd doesn't; as the init is a task, 1 has the same effect. */
function pidsWrites({ limit: most }: Pids): CgroupWrite[] {
  if (most === undefined) return [];
  return [limit("pids.max", most === 0 ? 1 : most, `${RESOURCES}.pids.limit`)];
}

/** Pages in use and, since Linux 5.7, pages reserved by mmap(2). */
function hugepageWrites({ pageSize, limit: most }: HugepageLimit, index: number): CgroupWrite[] {
  const where = `${RESOURCES}.hugepageLimits[${index}].limit`;
  return [
    limit(`hugetlb.${pageSize}.max`, most, where),
    { ...limit(`hugetlb.${pageSize}.rsvd.max`, most, where), tolerate: [ERRNO.ENOENT] },
  ];
}

function rdmaWrites([device, { hcaHandles, hcaObjects }]: [string, Rdma]): CgroupWrite[] {
  const limits = [];
  if (hcaHandles !== undefined) limits.push(`hca_handle=${limitText(hcaHandles)}`);
  if (hcaObjects !== undefined) limits.push(`hca_object=${limitText(hcaObjects)}`);
  if (limits.length === 0) return [];
  return [
    { file: "rdma.max", value: [device, ...limits].join(" "), where: `${RESOURCES}.rdma["${device}"]` },
  ];
}

/** Files such as io.max take one line at a write. */
function unifiedWrites([file, text]: [string, string]): CgroupWrite[] {
  const where = `${RESOURCES}.unified["${file}"]`;
  if (!/^[a-z_]+\.[^/\n]+$/.test(file))
    return fail(where, 'must be named like a file of cgroup v2: CONTROLLER.PARAMETER, such as "memory.high"');
  const lines = text.split("\n").filter(Boolean);
  return (lines.length === 0 ? [""] : lines).map((value) => ({ file, value, where }));
}

function refuseNetwork({ classID, priorities }: Network): void {
  const why =
    "cgroup v2 has no network controllers: use an eBPF program or nftables (socket cgroupv2) instead";
  if (classID) fail(`${RESOURCES}.network.classID`, why);
  if (priorities?.length) fail(`${RESOURCES}.network.priorities`, why);
}
