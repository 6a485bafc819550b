/**
 * A container's limits, given as writes to cgroup files, as properties of its unit: otherwise systemd would reset them
 * to what it knows, as on `systemctl daemon-reload`. What no property can express, and what systemd rounds, is up to
 * the files.
 */
import type { CgroupWrite } from "../cgroups/cgroup-write.ts";
import { INFINITY, property, type UnitProperty } from "./unit-property.ts";

type Mapping = (value: string) => readonly UnitProperty[];

/** A file with one number, or "max". */
const limit =
  (name: string): Mapping =>
  (value) => {
    const number = limitOf(value);
    return number === null ? [] : [property(name, "t", number)];
  };

/** For each file, how to express a write to it as a property. */
const MAPPINGS: { readonly [file: string]: Mapping } = {
  "memory.max": limit("MemoryMax"),
  "memory.high": limit("MemoryHigh"),
  "memory.low": limit("MemoryLow"),
  "memory.min": limit("MemoryMin"),
  "memory.swap.max": limit("MemorySwapMax"),
  "pids.max": limit("TasksMax"),
  "cpu.weight": limit("CPUWeight"),
  "cpu.idle": idle,
  "cpu.max": bandwidth,
  "cpuset.cpus": numberSet("AllowedCPUs"),
  "cpuset.mems": numberSet("AllowedMemoryNodes"),
  "io.weight": weight,
  "io.max": throttles,
};

/** Properties that are lists of devices: each write adds to them. */
const LISTS: ReadonlySet<string> = new Set([
  "IODeviceWeight",
  "IOReadBandwidthMax",
  "IOWriteBandwidthMax",
  "IOReadIOPSMax",
  "IOWriteIOPSMax",
]);

/** The properties for these writes; if two set the same property the later counts, as with the files. */
export function resourceProperties(writes: readonly CgroupWrite[]): readonly UnitProperty[] {
  const properties = new Map<string, UnitProperty>();
  for (const { file, value } of writes.map(withoutScheduler))
    for (const [name, variant] of MAPPINGS[file]?.(value) ?? []) {
      const before = properties.get(name)?.[1].value;
      const joined = LISTS.has(name) && Array.isArray(before) && Array.isArray(variant.value);
      const value = joined ? [...before, ...variant.value] : variant.value;
      properties.set(name, [name, { ...variant, value }]);
    }
  return [...properties.values()];
}

/** systemd has one weight for all I/O schedulers. */
function withoutScheduler(write: CgroupWrite): Pick<CgroupWrite, "file" | "value"> {
  return write.file === "io.bfq.weight" && write.otherwise !== undefined ? write.otherwise : write;
}

const SUFFIXES = ["", "K", "M", "G", "T", "P", "E"];

/** A number as cgroup files take it (memparse: `64M`); null for anything else, which the kernel will refuse. */
function limitOf(text: string): bigint | null {
  const value = text.trim();
  if (value === "max") return INFINITY;
  const [, digits, suffix = ""] = /^(\d+)([KMGTPE]?)$/i.exec(value) ?? [];
  if (digits === undefined) return null;
  const number = BigInt(digits) << BigInt(10 * SUFFIXES.indexOf(suffix.toUpperCase()));
  return number > INFINITY ? null : number;
}

/** Since version 252, a weight of 0 means idle to systemd. */
function idle(value: string): readonly UnitProperty[] {
  return value === "1" ? [property("CPUWeight", "t", 0n)] : [];
}

const SECOND = 1_000_000n;
const USUAL_PERIOD = 100_000n;
/** systemd keeps whole percents of a CPU: rounded up, so that it never limits more than the file does. */
const PERCENT = 10_000n;

/** `QUOTA PERIOD` in microseconds. */
function bandwidth(text: string): readonly UnitProperty[] {
  const [first = "", second] = text.trim().split(/\s+/);
  const quota = limitOf(first);
  const period = second === undefined ? USUAL_PERIOD : limitOf(second);
  if (quota === null || period === null || period === 0n) return [];
  const perSecond = (quota * SECOND) / period;
  const rounded = ((perSecond + PERCENT - 1n) / PERCENT) * PERCENT;
  if (quota !== INFINITY && rounded > INFINITY) return [];
  return [
    property("CPUQuotaPeriodUSec", "t", period),
    property("CPUQuotaPerSecUSec", "t", quota === INFINITY ? INFINITY : rounded),
  ];
}

/** `0-2,5` as a set of bits, the lowest in the first byte. */
function numberSet(name: string): Mapping {
  return (text) => {
    const bits: number[] = [];
    for (const range of text.split(",")) {
      const [, first, last = first] = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(range) ?? [];
      if (first === undefined) return [];
      for (let number = Number(first); number <= Number(last); number++)
        bits[number >> 3] = (bits[number >> 3] ?? 0) | (1 << (number & 7));
    }
    return [
      property(
        name,
        "ay",
        Uint8Array.from(bits, (byte) => byte ?? 0),
      ),
    ];
  };
}

/** `W`, `default W` or `MAJOR:MINOR W`. */
function weight(text: string): readonly UnitProperty[] {
  const [, device, digits] = /^(?:default |(\d+:\d+) )?(\d+)$/.exec(text.trim()) ?? [];
  if (digits === undefined) return [];
  if (device === undefined) return [property("IOWeight", "t", BigInt(digits))];
  return [property("IODeviceWeight", "a(st)", [[blockDevice(device), BigInt(digits)]])];
}

/** The keys of io.max. */
const THROTTLES: { readonly [key: string]: string } = {
  rbps: "IOReadBandwidthMax",
  wbps: "IOWriteBandwidthMax",
  riops: "IOReadIOPSMax",
  wiops: "IOWriteIOPSMax",
};

/** `MAJOR:MINOR KEY=RATE …` */
function throttles(text: string): readonly UnitProperty[] {
  const [device = "", ...rates] = text.trim().split(/\s+/);
  if (!/^\d+:\d+$/.test(device)) return [];
  return rates.flatMap((rate) => {
    const [key = "", value = ""] = rate.split("=");
    const name = THROTTLES[key];
    const most = limitOf(value);
    return name === undefined || most === null
      ? []
      : [property(name, "a(st)", [[blockDevice(device), most]])];
  });
}

const blockDevice = (numbers: string) => `/dev/block/${numbers}`;
