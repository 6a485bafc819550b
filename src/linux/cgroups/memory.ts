import type { Memory } from "../../../runtime-spec/config-linux-resources.ts";
import { type Integer, isUnlimited, narrowed } from "../../../runtime-spec/int64.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { fail } from "../config-error.ts";
import { type CgroupWrite, limit, type Note, RESOURCES } from "./cgroup-write.ts";

const WHERE = `${RESOURCES}.memory`;

/**
 * `memory` as writes; 0 is unset. The two limits are independent in cgroup v2; swap goes first, so that pages that
 * a smaller memory.max pushes out have somewhere to go. @throws ConfigError
 */
export function memoryWrites(memory: Memory): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  const swap = swapLimit(memory);
  if (swap !== null) writes.push(swapWrite(swap, memory));
  if (memory.limit)
    writes.push({ ...limit("memory.max", memory.limit, `${WHERE}.limit`), ...check(memory, memory.limit) });
  if (memory.reservation) writes.push(limit("memory.low", memory.reservation, `${WHERE}.reservation`));
  return writes;
}

/**
 * Swap alone, as cgroup v2 counts it: `memory.swap` is cgroup v1's, memory and swap together. -1 is no limit,
 * null unset. No memory limit without a word about swap means no limit for both.
 */
function swapLimit({ limit, swap }: Memory): Integer | null {
  if (!swap) return limit === -1 ? -1 : null;
  if (swap === -1 || limit === -1) return swap;
  if (!limit) return fail(`${WHERE}.swap`, "needs memory.limit beside it: it is the sum of memory and swap");
  if (swap < limit)
    return fail(
      `${WHERE}.swap`,
      `must not be below memory.limit (${limit}): it is the sum of memory and swap`,
    );
  return isUnlimited(swap) ? -1 : narrowed(BigInt(swap) - BigInt(limit));
}

/** Without swap support in the kernel there is no such file, which also is a limit of 0, or nothing to limit. */
function swapWrite(swap: Integer, memory: Memory): CgroupWrite {
  const write = { ...limit("memory.swap.max", swap, `${WHERE}.swap`), ...check(memory, memory.swap ?? 0) };
  return swap <= 0 ? { ...write, tolerate: [ERRNO.ENOENT] } : write;
}

function check({ checkBeforeUpdate }: Memory, than: Integer): Pick<CgroupWrite, "mustExceed"> {
  return checkBeforeUpdate && than > 0 ? { mustExceed: { file: "memory.current", than } } : {};
}

/** Properties of cgroup v1 that nothing in v2 answers to. runc ignores them too, so callers count on that. */
const IGNORED = [
  ["kernel", "cgroup v2 counts kernel memory within memory.limit"],
  ["kernelTCP", "cgroup v2 counts TCP buffers within memory.limit"],
  ["swappiness", "cgroup v2 has no swappiness of a cgroup"],
  ["disableOOMKiller", "cgroup v2 can't switch the OOM killer off for a cgroup"],
] as const satisfies readonly (readonly [keyof Memory, string])[];

export function memoryNotes(memory: Memory): Note[] {
  return IGNORED.filter(([name]) => memory[name]).map(([name, why]) => ({
    where: `${WHERE}.${name}`,
    message: `ignored: ${why}`,
  }));
}
