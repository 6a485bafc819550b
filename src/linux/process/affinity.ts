import { attempt, onBehalfOf } from "../../kernel/here.ts";
import { schedSetaffinity } from "../../kernel/scheduling.ts";

/** As many CPUs as a mask has bits for; the kernel ignores those that it cannot have (NR_CPUS). */
export const CPUS = 8192;

/**
 * Lets a process run on every CPU of its cgroup: tsrun's caller may be confined to a few, and since Linux 6.2 a process
 * keeps that affinity in another cgroup. If this is refused, for example by a security module, it stays confined.
 */
export function resetAffinity(pid: number): void {
  const call = schedSetaffinity(pid, new Uint8Array(CPUS / 8).fill(0xff));
  onBehalfOf("every CPU of the cgroup", () => attempt(call));
}
