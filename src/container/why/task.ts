/** What proc(5) tells of a process that waits: where, in which system call, for how long. */
import { nameOf, printable } from "../../agent/peek.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, openat, pread } from "../../kernel/calls.ts";
import { O_RDONLY, TICKS_PER_SECOND } from "../../kernel/constants.ts";
import { readTextIfThere } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { processInfo, statusField } from "../state/process-info.ts";

/** The file's text; null also where the caller may not read it. */
export function textOf(path: string): string | null {
  try {
    return readTextIfThere(path);
  } catch (error) {
    if (error instanceof SyscallError) return null;
    throw error;
  }
}

/** How long ago a process was made, in milliseconds; null when it is gone. */
export function ageOf(pid: number): number | null {
  const info = processInfo(pid);
  const uptime = Number.parseFloat(textOf("/proc/uptime") ?? "");
  if (info === null || Number.isNaN(uptime)) return null;
  return Math.max(0, (uptime - info.startTime / TICKS_PER_SECOND) * 1000);
}

/**
 * How long ago a process ran last, in milliseconds; since it was made where the kernel doesn't tell (CONFIG_SCHED_DEBUG).
 * The kernel's clock for that differs between CPUs by some tenths of a second.
 */
export function idleFor(pid: number): number | null {
  const age = ageOf(pid);
  const [then, now] = [lastRun(pid), lastRun("self")];
  if (age === null || then === null || now === null) return age;
  return Math.min(age, Math.max(0, now - then));
}

function lastRun(pid: number | "self"): number | null {
  const found = /^se\.exec_start\s*:\s*([\d.]+)$/m.exec(textOf(`/proc/${pid}/sched`) ?? "");
  return found === null ? null : Number(found[1]);
}

/** `for 12 s`, `for 3 min 5 s`; empty for nothing known. */
export function forTime(milliseconds: number | null): string {
  if (milliseconds === null) return "";
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 1) return "for less than a second";
  if (seconds < 60) return `for ${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `for ${minutes} min ${seconds % 60} s`;
  return `for ${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const STATES: Readonly<Record<string, string>> = {
  R: "running",
  S: "sleeping",
  D: "in uninterruptible sleep",
  T: "stopped by a signal",
  t: "stopped by a tracer",
  Z: "ended, and not reaped by its parent",
  X: "dead",
  I: "idle",
};

/** `pid 7 (tsrun:init): D (in uninterruptible sleep) in fuse_lookup_name < fuse_lookup`: its state, and the kernel's functions. */
export function whereIs(pid: number): string {
  const info = processInfo(pid);
  if (info === null) return `pid ${pid} has ended`;
  const status = textOf(`/proc/${pid}/status`) ?? "";
  const tracer = Number(statusField(status, "TracerPid"));
  const traced = tracer > 0 ? `, traced by pid ${tracer}` : "";
  const stack = stackOf(pid);
  const place = stack.length === 0 ? "" : ` in ${stack.join(" < ")}`;
  return `pid ${pid} (${info.name}): ${info.state} (${STATES[info.state] ?? "in an unknown state"}${traced})${place}`;
}

/** Functions of every system call, and of the way to it. */
const COMMON =
  /^(entry_SYSCALL|do_syscall|x64_sys_call|__x64_sys|__arm64_sys|el0|invoke_syscall|ret_from_fork)/;
const MOST_FRAMES = 8;

/** The kernel's functions that a process is in, the innermost first: all for root, one for others who may trace it. */
function stackOf(pid: number): readonly string[] {
  const stack = textOf(`/proc/${pid}/stack`) ?? "";
  const frames = [...stack.matchAll(/^\[<\w+>\] (\w+)/gm)].map(([, name = ""]) => name);
  if (frames.length > 0) return frames.filter((name) => !COMMON.test(name)).slice(0, MOST_FRAMES);
  const channel = textOf(`/proc/${pid}/wchan`)?.trim() ?? "";
  return channel === "" || channel === "0" ? [] : [channel];
}

/** A system call that a process is in, and the text that one of its arguments points to. */
export interface CallOf {
  readonly name: string;
  /** Its arguments as the kernel has them. */
  readonly args: readonly bigint[];
  readonly text: string | null;
}

/** The system call that a process is in; null when it runs, or the caller may not trace it. */
export function callOf(pid: number): CallOf | null {
  const words = textOf(`/proc/${pid}/syscall`)?.trim().split(" ") ?? [];
  const number = Number(words[0]);
  if (words.length < 7 || Number.isNaN(number) || number < 0) return null;
  const args = words.slice(1, 7).map((word) => BigInt(word));
  return { name: nameOf(number), args, text: textAmong(pid, args.slice(0, 3)) };
}

/** Below it nothing is mapped (vm.mmap_min_addr); above it begins the kernel's half, or a negative number. */
const [LOWEST, HIGHEST] = [65_536n, 1n << 47n];

/** The first absolute path that these arguments point to. */
function textAmong(pid: number, args: readonly bigint[]): string | null {
  const memory = attempt(openat(CWD, `/proc/${pid}/mem`, O_RDONLY));
  if (memory < 0) return null;
  try {
    for (const address of args) {
      if (address < LOWEST || address >= HIGHEST) continue;
      const bytes = new Uint8Array(256);
      if (attempt(pread(memory, bytes, Number(address))) <= 0) continue;
      const text = printable(bytes);
      if (text?.startsWith("/")) return text;
    }
    return null;
  } finally {
    here(close(memory));
  }
}
