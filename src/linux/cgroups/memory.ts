import type { Memory } from "../../../runtime-spec/config-linux-resources.ts";
import { type Integer, isUnlimited, narrowed } from "../../../runtime-spec/int64.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { fail } from "../../kernel/user-error.ts";
import { type CgroupWrite, limit, type Note, RESOURCES } from "./cgroup-write.ts";

const WHERE = `${RESOURCES}.memory`;

/**
 * `memory` as writes; 0 is unset. In cgroup v2 the limits of memory and swap are independent. Swap is written first, so
 * that pages which a smaller memory.max pushes out can be swapped. @throws UserError
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
 * The limit of swap alone, as in cgroup v2; `memory.swap` is that of memory and swap together, as in cgroup v1. -1 is
 * no limit, null is unset. An unlimited memory.limit without memory.swap means no limit for both.
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

/** A kernel without swap has no such file: a limit of 0, or none, is met anyway. */
function swapWrite(swap: Integer, memory: Memory): CgroupWrite {
  const write = { ...limit("memory.swap.max", swap, `${WHERE}.swap`), ...check(memory, memory.swap ?? 0) };
  return swap <= 0 ? { ...write, tolerate: [ERRNO.ENOENT] } : write;
}

function check({ checkBeforeUpdate }: Memory, than: Integer): Pick<CgroupWrite, "mustExceed"> {
  return checkBeforeUpdate && than > 0 ? { mustExceed: { file: "memory.current", than } } : {};
}

/** Properties without an equivalent in cgroup v2. runc ignores them too, and callers rely on that. */
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
