import { SyscallError } from "../../kernel/call.ts";
import { kill } from "../../kernel/calls.ts";
import { SIGKILL } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, writeExisting } from "../../kernel/files.ts";
import { attempt } from "../../kernel/here.ts";
import { waitForEvents } from "./events.ts";
import { freeze, isFrozen, thaw } from "./freeze.ts";
import { pidsIn } from "./pids.ts";

/**
 * Kills all processes in a cgroup and below it; false when there is no such cgroup. They may take a moment to
 * die: `waitUntilEmpty`. @throws SyscallError
 */
export async function killAll(directory: string): Promise<boolean> {
  try {
    // cgroup.kill, Linux 5.14, reaches frozen processes and those being forked.
    writeExisting(`${directory}/cgroup.kill`, "1");
    // It misses a process whose first thread has already ended.
    for (const pid of pidsIn(directory)) send(pid, SIGKILL);
    return true;
  } catch (error) {
    if (isErrno(error, ERRNO.ENODEV)) return false;
    if (!isErrno(error, ERRNO.ENOENT, ERRNO.EOPNOTSUPP)) throw error;
  }
  return killOneByOne(directory);
}

/** Rounds of SIGKILL: a process that can't be frozen may fork while the list is read. */
async function killOneByOne(directory: string): Promise<boolean> {
  const found = await signalAll(directory, SIGKILL);
  for (let left = 20; left > 0 && !(await waitUntilEmpty(directory, 50)); left--)
    await signalAll(directory, SIGKILL);
  return found;
}

/**
 * Sends a signal to every process in a cgroup and below it; false when there is none. They are frozen meanwhile, so
 * that none forks a child that misses the signal. @throws SyscallError
 */
export async function signalAll(directory: string, signal: number): Promise<boolean> {
  if (pidsIn(directory).length === 0) return false;
  const wasFrozen = isFrozen(directory);
  // A process that can't be frozen can't fork either.
  if (!wasFrozen) await unlessGone(() => freeze(directory, 500));
  try {
    for (const pid of pidsIn(directory)) send(pid, signal);
  } finally {
    if (!wasFrozen) await unlessGone(() => thaw(directory));
  }
  return true;
}

/** Returns whether all processes of the cgroup have ended within so many milliseconds. @throws SyscallError */
export function waitUntilEmpty(directory: string, milliseconds: number): Promise<boolean> {
  return waitForEvents(directory, ({ populated }) => !populated, milliseconds);
}

/** systemd removes a scope's cgroup as soon as its last process has ended, even if we are still using it. */
async function unlessGone(act: () => unknown): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isErrno(error, ERRNO.ENOENT, ERRNO.ENODEV)) throw error;
  }
}

function send(pid: number, signal: number): void {
  const result = attempt(kill(pid, signal));
  if (result < 0 && result !== -ERRNO.ESRCH) throw new SyscallError(kill(pid, signal), -result);
}
