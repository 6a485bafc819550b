import type { Cpu, Memory, Resources } from "../../../runtime-spec/config-linux-resources.ts";

interface ResourceUpdate {
  /** What is to be written: the update, with the values that belong to it. */
  readonly changed: Resources;
  /** The container's limits afterwards, from which the next update starts. */
  readonly saved: Resources;
}

/**
 * Overlays resources with those of `update`; 0 means unset, as docker and containerd write it, and device rules stay,
 * as in runc. Some values are written together, even if only one changes: swap includes memory.limit, cpu.max is quota
 * and period, and a cgroup that is no longer idle gets its weight back.
 */
export function updateResources(previous: Resources, update: Resources): ResourceUpdate {
  const { devices: _, memory, cpu, ...rest } = update;
  const changed = {
    ...rest,
    ...(memory === undefined ? {} : { memory: changedMemory(previous.memory ?? {}, named(memory)) }),
    ...(cpu === undefined ? {} : { cpu: changedCpu(previous.cpu ?? {}, named(cpu, "idle", "burst")) }),
  };
  const saved = {
    ...previous,
    ...changed,
    memory: { ...previous.memory, ...changed.memory },
    cpu: { ...previous.cpu, ...changed.cpu },
    unified: { ...previous.unified, ...changed.unified },
  };
  return { changed, saved };
}

/** An unlimited memory.limit without memory.swap means no limit for both. */
function changedMemory(previous: Memory, update: Memory): Memory {
  if (update.limit === undefined && update.swap === undefined) return update;
  if (update.limit === -1) return { swap: -1, ...update };
  return { ...pick(previous, "limit", "swap"), ...update };
}

function changedCpu(previous: Cpu, update: Cpu): Cpu {
  const bandwidth = update.quota !== undefined || update.period !== undefined;
  return {
    ...(bandwidth ? pick(previous, "quota", "period") : {}),
    ...(update.idle === 0 ? pick(previous, "shares") : {}),
    ...update,
  };
}

/** The properties that are set; 0 counts as set only for some. */
function named<T extends object>(values: T, ...zeroCounts: readonly (keyof T & string)[]): Partial<T> {
  const counts: readonly string[] = zeroCounts;
  const entries = Object.entries(values).filter(
    ([key, value]) => value || (value === 0 && counts.includes(key)),
  );
  return Object.fromEntries(entries) as Partial<T>; // Object.fromEntries loses the keys
}

function pick<T extends object, K extends keyof T & string>(values: T, ...keys: readonly K[]): Pick<T, K> {
  const entries = keys.filter((key) => values[key]).map((key) => [key, values[key]]);
  return Object.fromEntries(entries) as Pick<T, K>; // Object.fromEntries loses the keys
}
