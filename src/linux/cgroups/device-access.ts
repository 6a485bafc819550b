/**
 * The effect of device rules: which accesses each device has. Reading, writing and making a node are each decided by
 * the last rule that covers the device and the access; what no rule covers is denied. So `allow r` and, later, `allow
 * w` grant opening for both, and after `allow rw` a `deny w` leaves only reading.
 *
 * cgroup v1 merges rules only if type, major and minor are the same, and ignores a `deny` for part of what a wildcard
 * allows; runc refuses such a config. Here such a `deny` takes effect.
 */
import type { DeviceRule } from "../../../runtime-spec/config-linux-resources.ts";
import { BPF_DEVCG_ACC_MKNOD, BPF_DEVCG_ACC_READ, BPF_DEVCG_ACC_WRITE } from "../../kernel/bpf.ts";

export const NO_ACCESS = 0;
export const ALL_ACCESS = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;

/** Stands for all major or minor numbers; in a result, for all without an entry of their own. */
export const ANY = -1;

/** The accesses that the devices with these numbers have, as the kernel's bits. */
export interface DeviceAccess {
  readonly major: number;
  readonly minor: number;
  readonly access: number;
}

/** A rule in this form. */
interface Rule extends DeviceAccess {
  readonly allow: boolean;
}

/**
 * What is granted for the devices of a type, in as few entries as possible: the first that matches a device counts.
 * Entries for one device come first, then those for a major, those for a minor, and last the one for all others.
 */
export function deviceAccess(type: "b" | "c", rules: readonly DeviceRule[]): readonly DeviceAccess[] {
  const about = rulesAbout(type, rules);
  const all = granted(about, ANY, ANY);
  const general: DeviceAccess[] = [];
  const single: DeviceAccess[] = [];
  const majors = numbers(about, "major");
  for (const major of majors) addUnlessEqual(general, granted(about, major, ANY), all);
  if (about.some(({ major, minor }) => major === ANY && minor !== ANY)) {
    const everywhere = about.filter(({ major }) => major === ANY);
    for (const minor of numbers(everywhere, "minor"))
      addUnlessEqual(general, granted(about, ANY, minor), all);
  }
  for (const major of majors) {
    const here = about.filter((rule) => rule.major === ANY || rule.major === major);
    for (const minor of numbers(here, "minor")) {
      const otherwise = general.find((entry) => entry.major === major || entry.minor === minor) ?? all;
      addUnlessEqual(single, granted(here, major, minor), otherwise);
    }
  }
  return [...single, ...general, all];
}

function addUnlessEqual(entries: DeviceAccess[], entry: DeviceAccess, otherwise: DeviceAccess): void {
  if (entry.access !== otherwise.access) entries.push(entry);
}

/** The rules for a type of device, starting with the last one that covers all of them and every access. */
function rulesAbout(type: "b" | "c", rules: readonly DeviceRule[]): readonly Rule[] {
  const about: Rule[] = [];
  for (const { allow, type: only = "a", major = ANY, minor = ANY, access = "" } of rules) {
    if (only !== type && only !== "a") continue;
    const bits = bitsOf(access);
    if (major === ANY && minor === ANY && bits === ALL_ACCESS) about.length = 0;
    about.push({ allow, major, minor, access: bits });
  }
  return about;
}

function bitsOf(access: string): number {
  const read = access.includes("r") ? BPF_DEVCG_ACC_READ : 0;
  const write = access.includes("w") ? BPF_DEVCG_ACC_WRITE : 0;
  return read | write | (access.includes("m") ? BPF_DEVCG_ACC_MKNOD : 0);
}

/** The numbers that rules name. */
function numbers(rules: readonly Rule[], key: "major" | "minor"): ReadonlySet<number> {
  const named = new Set<number>();
  for (const rule of rules) if (rule[key] !== ANY) named.add(rule[key]);
  return named;
}

/** Applies the rules to one device; ANY stands for a number that no rule names. */
function granted(rules: readonly Rule[], major: number, minor: number): DeviceAccess {
  let access = NO_ACCESS;
  for (const rule of rules) {
    if (rule.major !== ANY && rule.major !== major) continue;
    if (rule.minor !== ANY && rule.minor !== minor) continue;
    access = rule.allow ? access | rule.access : access & ~rule.access;
  }
  return { major, minor, access };
}
