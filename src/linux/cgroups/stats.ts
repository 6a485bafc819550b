/** Usage of a container, in the format of `runc events --stats` (runc, types/events.go), which callers parse. */
import { type Integer, integerIn, narrowed, UINT64_MAX } from "../../../runtime-spec/int64.ts";
import { formatJson } from "../../../runtime-spec/json.ts";
import { readText } from "../../kernel/files.ts";
import { listDirectory } from "../../kernel/list-directory.ts";
import { readIfThere } from "./events.ts";
import { pidsIn } from "./pids.ts";
import { type Pressure, readPressure } from "./pressure.ts";

/** Bytes; `limit` is UNLIMITED for none. */
interface MemoryEntry {
  readonly limit: Integer;
  readonly usage: number;
  readonly max: number;
  readonly failcnt: number;
}

interface BlockIoEntry {
  readonly major: number;
  readonly minor: number;
  readonly op: "Read" | "Write";
  readonly value: number;
}

/** Times are nanoseconds. Figures of controllers that the cgroup lacks are 0. */
export interface Stats {
  readonly cpu: {
    readonly usage: { readonly total: Integer; readonly kernel: Integer; readonly user: Integer };
    readonly throttling: {
      readonly periods: number;
      readonly throttledPeriods: number;
      readonly throttledTime: Integer;
    };
    readonly psi?: Pressure;
  };
  readonly cpuset: Readonly<Record<string, never>>;
  readonly memory: {
    readonly cache: number;
    readonly usage: MemoryEntry;
    /** Memory and swap together, as cgroup v1 counted. */
    readonly swap: MemoryEntry;
    readonly kernel: MemoryEntry;
    readonly kernelTCP: MemoryEntry;
    readonly raw: Readonly<Record<string, number>>;
    readonly psi?: Pressure;
  };
  /** A limit of 0 is none. */
  readonly pids: { readonly current: number; readonly limit: Integer };
  readonly blkio: {
    readonly ioServiceBytesRecursive: readonly BlockIoEntry[];
    readonly ioServicedRecursive: readonly BlockIoEntry[];
    readonly psi?: Pressure;
  };
  readonly hugetlb: Readonly<Record<string, Omit<MemoryEntry, "limit">>>;
  readonly intel_rdt: Readonly<Record<string, never>>;
  readonly network_interfaces: null;
}

/** What runc prints for "max": Go's largest uint64. */
export const UNLIMITED = UINT64_MAX;

/** Reads the figures of a container's cgroup. @throws SyscallError when there is no such cgroup */
export function readStats(directory: string): Stats {
  return {
    cpu: cpuStats(directory),
    cpuset: {},
    memory: memoryStats(directory),
    pids: pidsStats(directory),
    blkio: blockIoStats(directory),
    hugetlb: hugetlbStats(directory),
    intel_rdt: {},
    network_interfaces: null,
  };
}

/** Statistics as JSON; a limit beyond 2^53 keeps all its digits. */
export function statsJson(stats: Stats): string {
  return formatJson(stats);
}

/** cpu.stat is in every cgroup, with more lines where the controller is enabled. */
function cpuStats(directory: string): Stats["cpu"] {
  const microseconds = keyed(readText(`${directory}/cpu.stat`));
  const time = (key: string) => narrowed(BigInt(microseconds[key] ?? 0) * 1000n);
  return {
    usage: { total: time("usage_usec"), kernel: time("system_usec"), user: time("user_usec") },
    throttling: {
      periods: microseconds["nr_periods"] ?? 0,
      throttledPeriods: microseconds["nr_throttled"] ?? 0,
      throttledTime: time("throttled_usec"),
    },
    ...pressure(directory, "cpu"),
  };
}

const NONE: MemoryEntry = { limit: 0, usage: 0, max: 0, failcnt: 0 };

function memoryStats(directory: string): Stats["memory"] {
  const raw = keyed(readIfThere(directory, "memory.stat") ?? "");
  const usage = memoryEntry(directory, "memory");
  const swap = memoryEntry(directory, "memory.swap");
  const both = [usage.limit, swap.limit];
  const limit = both.includes(UNLIMITED)
    ? UNLIMITED
    : both.reduce((sum, one) => narrowed(BigInt(sum) + BigInt(one)));
  return {
    cache: raw["file"] ?? 0,
    usage,
    swap: { ...swap, limit, usage: swap.usage + usage.usage, max: 0 },
    kernel: NONE,
    kernelTCP: NONE,
    raw,
    ...pressure(directory, "memory"),
  };
}

/** memory.peak is there since Linux 5.19, memory.swap.peak since 6.5. */
function memoryEntry(directory: string, name: "memory" | "memory.swap"): MemoryEntry {
  const usage = number(directory, `${name}.current`);
  if (usage === null) return NONE;
  const limit = limitIn(directory, `${name}.max`) ?? UNLIMITED;
  return { limit, usage, max: number(directory, `${name}.peak`) ?? 0, failcnt: 0 };
}

function pidsStats(directory: string): Stats["pids"] {
  const current = number(directory, "pids.current") ?? pidsIn(directory).length;
  return { current, limit: limitIn(directory, "pids.max") ?? 0 };
}

/** io.stat's keys, and what blkio's tables called them. */
const IO_STAT = {
  ioServiceBytesRecursive: { rbytes: "Read", wbytes: "Write" },
  ioServicedRecursive: { rios: "Read", wios: "Write" },
} as const;

function blockIoStats(directory: string): Stats["blkio"] {
  const lines = (readIfThere(directory, "io.stat") ?? "").split("\n").filter((line) => line.includes("="));
  return {
    ioServiceBytesRecursive: lines.flatMap((line) => ioEntries(line, IO_STAT.ioServiceBytesRecursive)),
    ioServicedRecursive: lines.flatMap((line) => ioEntries(line, IO_STAT.ioServicedRecursive)),
    ...pressure(directory, "io"),
  };
}

/** A line such as `8:0 rbytes=1459200 wbytes=314773504 rios=192 wios=353`. */
function ioEntries(line: string, operations: { readonly [key: string]: "Read" | "Write" }): BlockIoEntry[] {
  const [device = "", ...fields] = line.split(" ");
  const [major = 0, minor = 0] = device.split(":").map(Number);
  return fields.flatMap((field) => {
    const [key = "", value] = field.split("=");
    const op = operations[key];
    return op === undefined ? [] : [{ major, minor, op, value: Number(value) }];
  });
}

/** Reserved pages where the kernel counts them, as in runc. */
function hugetlbStats(directory: string): Stats["hugetlb"] {
  const sizes = (listDirectory(directory) ?? []).flatMap(({ name }) =>
    name.startsWith("hugetlb.") && name.endsWith(".events") ? [name.slice(8, -7)] : [],
  );
  const entries = sizes.map((size) => {
    const file = `hugetlb.${size}`;
    const usage = number(directory, `${file}.rsvd.current`) ?? number(directory, `${file}.current`) ?? 0;
    const failcnt = keyed(readIfThere(directory, `${file}.events`) ?? "")["max"] ?? 0;
    return [size, { usage, max: 0, failcnt }] as const;
  });
  return Object.fromEntries(entries);
}

function pressure(directory: string, resource: "cpu" | "memory" | "io"): { readonly psi?: Pressure } {
  const psi = readPressure(directory, resource);
  return psi === null ? {} : { psi };
}

/** A file with one number; null for "max", and when there is no such file. */
function number(directory: string, file: string): number | null {
  const text = readIfThere(directory, file)?.trim();
  return text === undefined || text === "max" ? null : Number(text);
}

/** The same for a limit, which may be larger than 2^53. */
function limitIn(directory: string, file: string): Integer | null {
  const text = readIfThere(directory, file)?.trim();
  return text === undefined || text === "max" ? null : integerIn(text);
}

/** Lines of a key and a number. */
function keyed(text: string): { readonly [key: string]: number } {
  const pairs = text.split("\n").map((line) => line.split(" "));
  return Object.fromEntries(pairs.flatMap(([key = "", value]) => (value ? [[key, Number(value)]] : [])));
}
