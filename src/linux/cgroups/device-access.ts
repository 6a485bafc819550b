/**
 * What device rules come to: which accesses each device has. Each of reading, writing and making a node is decided
 * by the last rule that is about this device and this access; what no rule is about is denied. So `allow r` and,
 * later, `allow w` grant opening for both, and `deny w` after `allow rw` leaves reading alone.
 *
 * cgroup v1 merges rules only when type, major and minor are the same, and ignores a `deny` for part of what a
 * wildcard allows; runc refuses such a config. Here it means what it says.
 */
import type { DeviceRule } from "../../../runtime-spec/config-linux-resources.ts";
import { BPF_DEVCG_ACC_MKNOD, BPF_DEVCG_ACC_READ, BPF_DEVCG_ACC_WRITE } from "../../kernel/bpf.ts";

export const NO_ACCESS = 0;
export const ALL_ACCESS = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;

/** A major or minor number that stands for all; in a result, for all that have no entry of their own. */
export const ANY = -1;

/** The accesses that the devices with these numbers have, as the kernel's bits. */
export interface DeviceAccess {
  readonly major: number;
  readonly minor: number;
  readonly access: number;
}

/** A rule in the same terms. */
interface Rule extends DeviceAccess {
  readonly allow: boolean;
}

/**
 * What is granted for the devices of a type, as few entries as it takes: the first that fits a device counts.
 * Those for one device come first, then those for a major, those for a minor, and last the one for all others.
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

/** The rules about a type of device, from the last on that is about all of them and every access. */
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

/** Walks the rules for one device; a number that is ANY is one that no rule names. */
function granted(rules: readonly Rule[], major: number, minor: number): DeviceAccess {
  let access = NO_ACCESS;
  for (const rule of rules) {
    if (rule.major !== ANY && rule.major !== major) continue;
    if (rule.minor !== ANY && rule.minor !== minor) continue;
    access = rule.allow ? access | rule.access : access & ~rule.access;
  }
  return { major, minor, access };
}
