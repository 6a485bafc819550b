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

/** Accesses as the kernel's bits. */
const ACCESS: { readonly [letter: string]: number } = {
  r: BPF_DEVCG_ACC_READ,
  w: BPF_DEVCG_ACC_WRITE,
  m: BPF_DEVCG_ACC_MKNOD,
};
export const NO_ACCESS = 0;
export const ALL_ACCESS = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;

/** A major or minor number; OTHER is any that the rules don't name. */
export type Number = number | typeof OTHER;
export const OTHER = -1;

export interface DeviceAccess {
  readonly major: Number;
  readonly minor: Number;
  readonly access: number;
}

/**
 * What is granted for the devices of a type, as few entries as it takes: the first that fits a device counts.
 * Those for one device come first, then those for a major, those for a minor, and last the one for all others.
 */
export function deviceAccess(type: "b" | "c", rules: readonly DeviceRule[]): readonly DeviceAccess[] {
  const about = rules.filter((rule) => (rule.type ?? "a") === "a" || rule.type === type);
  const access = (major: Number, minor: Number): DeviceAccess => ({
    major,
    minor,
    access: granted(about, major, minor),
  });
  const all = access(OTHER, OTHER);
  const majors = named(about, "major").map((major) => access(major, OTHER));
  const minors = named(
    about.filter(({ major }) => isAny(major)),
    "minor",
  ).map((minor) => access(OTHER, minor));
  const general = [...majors, ...minors].filter((entry) => entry.access !== all.access);
  const single = majors.flatMap(({ major }) => {
    const here = about.filter((rule) => isAny(rule.major) || rule.major === major);
    const devices = named(here, "minor").map((minor) => access(major, minor));
    return devices.filter((device) => device.access !== (general.find(fits(device)) ?? all).access);
  });
  return [...single, ...general, all];
}

/** Whether an entry for a whole major or minor is also about this device. */
const fits = (device: DeviceAccess) => (entry: DeviceAccess) =>
  entry.major === device.major || entry.minor === device.minor;

function granted(rules: readonly DeviceRule[], major: Number, minor: Number): number {
  let bits = NO_ACCESS;
  for (const rule of rules) {
    if (!isAny(rule.major) && rule.major !== major) continue;
    if (!isAny(rule.minor) && rule.minor !== minor) continue;
    bits = rule.allow ? bits | bitsOf(rule) : bits & ~bitsOf(rule);
  }
  return bits;
}

function bitsOf({ access }: DeviceRule): number {
  return [...(access ?? "")].reduce((bits, letter) => bits | (ACCESS[letter] ?? 0), 0);
}

function named(rules: readonly DeviceRule[], key: "major" | "minor"): readonly number[] {
  const numbers = rules.map((rule) => rule[key] ?? OTHER).filter((number) => number !== OTHER);
  return [...new Set(numbers)];
}

/** Absent and -1 mean every number. */
function isAny(number: number | undefined): boolean {
  return number === undefined || number === OTHER;
}
