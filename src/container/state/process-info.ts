import { SyscallError } from "../../kernel/call.ts";
import { pidfdOpen } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { readTextIfThere } from "../../kernel/files.ts";
import { attempt } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";

/** A process as described by /proc/PID/stat (proc_pid_stat(5)). */
interface ProcessInfo {
  /** The name that the process gave itself, or its program's; at most 15 bytes. */
  readonly name: string;
  /** `Z` and `X` mean dead, unless other threads are alive: then only the first thread has ended. */
  readonly state: string;
  readonly parent: number;
  /** Includes threads that have ended and are not reaped, such as the first thread of a live process. */
  readonly threads: number;
  /** Clock ticks since boot. Together with the pid it identifies a process. */
  readonly startTime: number;
}

/** The process or thread with this pid; null if there is none. */
export function processInfo(pid: number): ProcessInfo | null {
  const stat = readTextIfThere(`/proc/${pid}/stat`);
  return stat === null ? null : processIn(stat);
}

/** The process that a file `stat` describes. */
export function processIn(stat: string): ProcessInfo {
  // The command's name stands in parentheses and may itself contain any character.
  const end = stat.lastIndexOf(")");
  const fields = stat.slice(end + 2).split(" ");
  return {
    name: stat.slice(stat.indexOf("(") + 1, end),
    state: fields[0] ?? "X",
    parent: Number(fields[1]),
    threads: Number(fields[17]),
    startTime: Number(fields[19]),
  };
}

/** A field of a file `status` (proc_pid_status(5)); empty where the kernel has none of this name. */
export function statusField(status: string, name: string): string {
  const start = status.indexOf(`\n${name}:`);
  if (start < 0) return "";
  return status.slice(start + name.length + 2, status.indexOf("\n", start + 1)).trim();
}

/** Whether a process has been killed, and has not died yet: it is in an uninterruptible sleep. */
export function isKilled(pid: number): boolean {
  const status = readTextIfThere(`/proc/${pid}/status`) ?? "";
  return ["SigPnd", "ShdPnd"].some((name) => (BigInt(`0x${statusField(status, name) || 0}`) & KILLED) !== 0n);
}

/** SIGKILL as one of a set. */
const KILLED = 1n << 8n;

/** The highest pid is less: PID_MAX_LIMIT (proc_sys_kernel(5)). */
const PID_LIMIT = 2 ** 22;

/**
 * The pid that an agent says it has made: an agent in a caller's own process could say any number, and kill(2) knows some
 * that mean all processes. @throws UserError
 */
export function pidIn(result: number): number {
  if (result > 1 && result < PID_LIMIT) return result;
  throw new UserError("tsrun's stage process was killed before it had made the container");
}

/** A pidfd of the process with this pid; null if there is none. @throws SyscallError when it cannot be opened */
export function openProcess(pid: number): number | null {
  const call = pidfdOpen(pid);
  const fd = attempt(call);
  // The last two mean that the pid is now a thread's.
  if (fd === -ERRNO.ESRCH || fd === -ERRNO.EINVAL || fd === -ERRNO.ENOENT) return null;
  if (fd < 0) throw new SyscallError(call, -fd);
  return fd;
}

/** Whether the process that had this pid and start time still runs (a zombie does not). */
export function isAlive(pid: number, startTime: number): boolean {
  return aliveProcess(pid, startTime) !== null;
}

/** Whether the process that had this pid and start time has ended and its parent has not asked for its status. */
export function isZombie(pid: number, startTime: number): boolean {
  const info = processInfo(pid);
  return info?.startTime === startTime && hasEnded(info);
}

/** The process with this pid and start time; null if it has ended. */
export function aliveProcess(pid: number, startTime: number): ProcessInfo | null {
  const info = processInfo(pid);
  return info?.startTime === startTime && !hasEnded(info) ? info : null;
}

export function hasEnded({ state, threads }: ProcessInfo): boolean {
  return state === "X" || (state === "Z" && threads <= 1);
}
