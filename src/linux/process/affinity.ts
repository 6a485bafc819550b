import { attempt, onBehalfOf } from "../../kernel/here.ts";
import { schedSetaffinity } from "../../kernel/scheduling.ts";

/** As many CPUs as a mask has bits for; the kernel ignores those that it cannot have (NR_CPUS). */
export const CPUS = 8192;

/**
 * Lets a process run on every CPU that its cgroup has: tsrun's caller may be confined to a few, and since Linux 6.2 they
 * are not forgotten in another cgroup. A refusal, as of a security module, leaves it confined.
 */
export function resetAffinity(pid: number): void {
  const call = schedSetaffinity(pid, new Uint8Array(CPUS / 8).fill(0xff));
  onBehalfOf("every CPU of the cgroup", () => attempt(call));
}
