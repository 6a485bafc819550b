import { close, kill as killProcess, pidfdSendSignal } from "../kernel/calls.ts";
import { SIGKILL } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { isErrno } from "../kernel/files.ts";
import { attempt, here } from "../kernel/here.ts";
import { killAll, signalAll } from "../linux/cgroups/kill.ts";
import { pidsIn } from "../linux/cgroups/pids.ts";
import { isAlive, openProcess } from "./state/process-info.ts";
import { processesOf } from "./state/processes.ts";
import type { Saved, SavedInit } from "./state/saved.ts";
import { noteSignal } from "./state/signal-note.ts";
import type { StateDirectory } from "./state/state-directory.ts";
import type { Store } from "./state/store.ts";
import { refusal, requireStatus } from "./state/verbs.ts";

/**
 * Sends a signal to a container's init, or with `all` to every process of the container.
 * Without a pid namespace of its own, SIGKILL goes to all processes: the kernel does not kill the others when the init
 * ends.
 * @throws UserError when the container is not running, except with `all`
 */
export async function kill(store: Store, id: string, signal: number, all: boolean): Promise<void> {
  using directory = store.open(id);
  const saved = directory.read();
  if (all || (signal === SIGKILL && saved?.init?.ownsPidNamespace === false)) {
    if (!all) requireOneLiving(directory, saved);
    else if (saved !== null && hasEndedForAll(saved)) return;
    noteSignal(directory, signal);
    if (saved?.cgroup) await signalCgroup(saved.cgroup.path, saved.init, signal);
    else if (saved) for (const pid of processesOf(saved)) attempt(killProcess(pid, signal));
    return;
  }
  const { init } = requireStatus("kill", directory, saved).saved;
  noteSignal(directory, signal);
  if (!signalInit(init, signal)) throw refusal("kill", directory, "stopped");
}

/**
 * Whether no process of a container can be left: nothing outlives a pid namespace. Its cgroup does not tell, as a later
 * container may have the same linux.cgroupsPath.
 */
function hasEndedForAll({ init }: Saved): boolean {
  return init?.ownsPidNamespace === true && !isAlive(init.pid, init.startTime);
}

/** Signals all processes in a cgroup, and the init, which may have been moved to another cgroup. */
async function signalCgroup(path: string, init: SavedInit | null, signal: number): Promise<void> {
  const hasInit = init === null || pidsIn(path).includes(init.pid);
  if (signal === SIGKILL) await killAll(path);
  else await signalAll(path, signal);
  if (!hasInit) signalInit(init, signal);
}

/** Signals exactly the process that was the init: the pidfd is taken first, then its identity checked. */
export function signalInit({ pid, startTime }: SavedInit, signal: number): boolean {
  const pidfd = openProcess(pid);
  if (pidfd === null) return false;
  try {
    return isAlive(pid, startTime) && sendSignal(pidfd, signal);
  } finally {
    here(close(pidfd));
  }
}

/** Without a pid namespace of its own, a container's other processes may have outlived its init. */
function requireOneLiving(directory: StateDirectory, saved: Saved | null): void {
  if (saved === null || saved.cgroup === null || pidsIn(saved.cgroup.path).length === 0)
    requireStatus("kill", directory, saved);
}

/** Returns false when the process has ended. @throws SyscallError */
function sendSignal(pidfd: number, signal: number): boolean {
  try {
    here(pidfdSendSignal(pidfd, signal));
    return true;
  } catch (error) {
    if (isErrno(error, ERRNO.ESRCH)) return false;
    throw error;
  }
}
