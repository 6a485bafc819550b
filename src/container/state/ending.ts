/** Why a container has stopped, as far as it can be known once its init has ended. */
import { CWD, readlinkat } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { readTextIfThere } from "../../kernel/files.ts";
import { attempt } from "../../kernel/here.ts";
import { SIGKILL, signalName } from "../../kernel/signals.ts";
import { waitStatus } from "../../kernel/structs.ts";
import { oomKillsIn } from "../../linux/cgroups/events.ts";
import { isZombie } from "./process-info.ts";
import type { StateDirectory } from "./state-directory.ts";
import type { Store } from "./store.ts";

/** `reason` tells the rest in words. */
export interface Ending {
  readonly reason: string;
  /** What the init has exited with; absent when a signal ended it, or nobody knows. */
  readonly exitStatus?: number;
  /** The signal that ended it: `SIGKILL`. */
  readonly signal?: string;
  /** How many of the container's processes were killed because its memory ran out; absent for none. */
  readonly oomKills?: number;
}

interface Ended {
  readonly init: { readonly pid: number; readonly startTime: number } | null;
  readonly cgroup: string | null;
  /** The init's status, if tsrun has seen it. */
  readonly ended?: number;
}

/**
 * Why a stopped container has stopped; null when nothing is left that tells. The status is what tsrun has seen, or what
 * the init's parent has not asked for yet; its cgroup counts what ran out of memory.
 */
export function endingOf({ init, cgroup, ended }: Ended): Ending | null {
  const status = ended ?? (init === null ? null : unreapedStatus(init.pid, init.startTime));
  const oomKills = cgroup === null ? 0 : oomKillsIn(cgroup);
  if (status === null && oomKills === 0) return null;
  const { signal, exit } = waitStatus(status ?? 0);
  const inWords =
    status === null ? "" : signal > 0 ? `killed by ${signalName(signal)}` : `exited with status ${exit}`;
  return {
    reason: [inWords, outOfMemory(oomKills, signal)].filter((part) => part !== "").join("; "),
    ...(status === null ? {} : signal > 0 ? { signal: signalName(signal) } : { exitStatus: exit }),
    ...(oomKills > 0 ? { oomKills } : {}),
  };
}

/** The same of a container by its id; null also when it is gone. @throws UserError */
export function endingIn(store: Store, id: string): Ending | null {
  using directory = store.find(id);
  const saved = directory?.read();
  if (!saved) return null;
  const { init, cgroup, ended } = saved;
  return endingOf({ init, cgroup: cgroup?.path ?? null, ...(ended === undefined ? {} : { ended }) });
}

/** Has the state of a container tell how its init has ended, unless another command has deleted it. */
export async function rememberEnd(directory: StateDirectory, status: number): Promise<void> {
  if (!(await directory.lockIfCurrent())) return;
  const saved = directory.read();
  if (saved !== null) directory.write({ ...saved, ended: status });
  directory.unlock();
}

/** Whether the init was among those that were killed is told only by its own end. */
function outOfMemory(kills: number, signal: number): string {
  if (kills === 0) return "";
  if (signal === SIGKILL) return "out of memory";
  return `out of memory: ${kills} of its processes ${kills === 1 ? "was" : "were"} killed`;
}

/** The field `exit_code` of proc_pid_stat(5), counted from the state. */
const EXIT_CODE = 49;

/**
 * The status of a process that has ended and is not reaped; null for any other, and where the caller may not trace it:
 * such a reader finds a 0 there.
 */
function unreapedStatus(pid: number, startTime: number): number | null {
  if (!isZombie(pid, startTime)) return null;
  // A zombie has no namespaces any more: ENOENT for who may trace it, EACCES for others.
  const link = attempt(readlinkat(CWD, `/proc/${pid}/ns/net`, new Uint8Array(64)));
  if (link !== -ERRNO.ENOENT) return null;
  const stat = readTextIfThere(`/proc/${pid}/stat`);
  const field = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[EXIT_CODE];
  return field === undefined ? null : Number(field);
}
