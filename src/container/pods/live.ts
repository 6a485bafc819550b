/** What the kernel says of a container at this moment: its namespaces, what it takes, how long it has run. */
import { TICKS_PER_SECOND } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, readLink, readStartIfThere, readTextIfThere } from "../../kernel/files.ts";
import { readIfThere } from "../../linux/cgroups/events.ts";
import { pidsIn } from "../../linux/cgroups/pids.ts";
import { NAMESPACES } from "../../linux/namespaces.ts";
import { type Ending, endingOf } from "../state/ending.ts";
import { statusField } from "../state/process-info.ts";
import type { Known } from "./known.ts";

/** A namespace's file in /proc/PID/ns: `net`. */
export type NamespaceFile = (typeof NAMESPACES)[number]["file"];

/** Namespaces as the kernel identifies them, by their files: `net:[4026532177]`. */
export type Namespaces = { readonly [file in NamespaceFile]?: string };

export interface Live {
  /** None of a stopped container, and of one that the caller may not trace. */
  readonly namespaces: Namespaces;
  /** Seconds since its first process was made; null when that has ended. */
  readonly uptime: number | null;
  /** Bytes that its cgroup is charged with; without the memory controller, what its processes have in memory. */
  readonly memory: number | null;
  readonly processes: number;
  /** What its first process runs, or is to run. */
  readonly command: readonly string[];
  /** Why it has stopped; null when it has not, or nobody knows. */
  readonly ending: Ending | null;
}

export function liveOf(known: Known): Live {
  const { init, status, cgroup, args } = known;
  if (init === null || status === "stopped")
    return {
      ...{ namespaces: {}, uptime: null, memory: null, processes: 0, command: args },
      ending: status === "stopped" ? endingOf(known) : null,
    };
  const found = cgroup === null ? [] : pidsIn(cgroup);
  const pids = found.length > 0 ? found : [init.pid];
  return {
    namespaces: namespacesOf(init.pid),
    uptime: sinceBoot() - init.startTime / TICKS_PER_SECOND,
    memory: (cgroup === null ? null : chargedTo(cgroup)) ?? residentIn(pids),
    processes: pids.length,
    command: status === "running" || status === "paused" ? commandOf(init.pid, args) : args,
    ending: null,
  };
}

/** proc_uptime(5) */
const sinceBoot = () => Number.parseFloat(readTextIfThere("/proc/uptime") ?? "0");

function namespacesOf(pid: number): Namespaces {
  const found: { [file in NamespaceFile]?: string } = {};
  for (const { file } of NAMESPACES) {
    try {
      found[file] = readLink(`/proc/${pid}/ns/${file}`);
    } catch (error) {
      // It has just ended, or is another user's; or the kernel has no such namespaces.
      if (!isErrno(error, ERRNO.ENOENT, ERRNO.ESRCH, ERRNO.EACCES, ERRNO.EPERM)) throw error;
    }
  }
  return found;
}

/** Null where the memory controller is not. */
function chargedTo(cgroup: string): number | null {
  const text = readIfThere(cgroup, "memory.current");
  return text === null ? null : Number(text);
}

/** VmRSS of proc_pid_status(5); pages that are shared count for each. */
function residentIn(pids: readonly number[]): number {
  let kilobytes = 0;
  for (const pid of pids) {
    const status = readTextIfThere(`/proc/${pid}/status`) ?? "";
    kilobytes += Number(statusField(status, "VmRSS").split(" ")[0]);
  }
  return kilobytes * 1024;
}

/** How much of a command line is shown, in bytes: a process can give itself one of terabytes (PR_SET_MM_MAP, prctl(2)). */
const MOST_WORDS = 4096;

/** `args` for a process that has just ended, or has written over its arguments. */
function commandOf(pid: number, args: readonly string[]): readonly string[] {
  const words = (readStartIfThere(`/proc/${pid}/cmdline`, MOST_WORDS) ?? "").replace(/\0+$/, "").split("\0");
  return words.join("") === "" ? args : words;
}
