import type { Linux } from "../../../runtime-spec/config-linux.ts";
import type { Program } from "../../agent/program.ts";
import { setMempolicy } from "../../kernel/calls.ts";
import { memoryPolicyFlags, memoryPolicyModes } from "../../kernel/memory-policy.ts";
import { fail } from "../../kernel/user-error.ts";

/**
 * The NUMA memory policy (set_mempolicy(2)) of an init, or of an `exec`ed process. It outlives execve(2), and in a
 * cgroup with `cpuset.mems` the kernel keeps it within those nodes.
 */
export function setMemoryPolicy(program: Program, { memoryPolicy }: Linux = {}): void {
  if (memoryPolicy === undefined) return;
  const { mode, nodes, flags = [] } = memoryPolicy;
  const bits = memoryPolicyFlags();
  let value: number = memoryPolicyModes()[mode];
  for (const flag of flags) value |= bits[flag];
  program.by(`config.json: linux.memoryPolicy (${mode}${nodes === undefined ? "" : ` of nodes ${nodes}`})`);
  program.add(setMempolicy(value, nodeMask(nodes ?? "")));
}

/** The kernel's MAX_NUMNODES on the largest machines. */
const MOST_NODES = 1024;

/** The modes and flags that `features` lists. */
export const memoryPolicyFeatures = () => ({
  modes: Object.keys(memoryPolicyModes()),
  flags: Object.keys(memoryPolicyFlags()),
});

/** A list such as `0-3,7` or `0-15:1/4` (the first of every four) as a bit mask, a multiple of 8 bytes. */
function nodeMask(list: string): Uint8Array {
  const nodes: number[] = [];
  for (const part of list.split(",")) {
    if (part === "") continue;
    const [range = "", stride = "1/1"] = part.split(":");
    const [first = 0, last = first] = range.split("-").map(Number);
    const [used = 1, group = 1] = stride.split("/").map(Number);
    if (last >= MOST_NODES)
      fail("linux.memoryPolicy.nodes", `there is no node ${last}: the kernel has ${MOST_NODES} at most`);
    for (let node = first; node <= last; node++) if ((node - first) % group < used) nodes.push(node);
  }
  const mask = new Uint8Array(8 * (1 + Math.floor(Math.max(0, ...nodes) / 64)));
  for (const node of nodes) mask[node >> 3] = (mask[node >> 3] ?? 0) | (1 << (node & 7));
  return mask;
}
