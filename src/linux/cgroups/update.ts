import type { Cpu, Memory, Resources } from "../../../runtime-spec/config-linux-resources.ts";

export interface ResourceUpdate {
  /** What is to be written: the update, with the values that belong to it. */
  readonly changed: Resources;
  /** What the container is limited to then: the next update starts from it. */
  readonly saved: Resources;
}

/**
 * Overlays resources with those that `update` names; 0 names nothing, as docker and containerd write it, and device
 * rules stay, as in runc. Some values go together, so that one of them alone also writes the others:
 * swap counts memory.limit in, cpu.max is quota and period, and a cgroup that is idle no more gets its weight back.
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

/** No limit, without a word about swap, is no limit for both. */
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

/** The properties that are set; 0 is a value for some only. */
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
