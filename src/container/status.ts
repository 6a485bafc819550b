import type { State, Status } from "../../runtime-spec/state.ts";
import { OCI_VERSION } from "../../runtime-spec/state.ts";
import { PARKED_LOCK_OFFSET } from "../agent/mailbox.ts";
import { close, openat, pread } from "../kernel/calls.ts";
import { FUTEX_OWNER_DIED, O_RDONLY } from "../kernel/constants.ts";
import { attempt, here } from "../kernel/here.ts";
import { isAlive } from "./process-info.ts";
import { MAILBOX_FILE, type Saved, type StateDirectory } from "./store.ts";

/**
 * Where a container is in its life (runtime.md#lifecycle), from what is true at this moment:
 * - no init yet: `creating` while its creator lives (it holds the lock), else `stopped`;
 * - init dead, or its pid is another process's: `stopped`;
 * - init alive and its agent still in its place: `created`, else `running`.
 */
export function containerStatus(directory: StateDirectory, saved: Saved | null): Status {
  if (saved === null || saved.init === null) return directory.busy ? "creating" : "stopped";
  if (!isAlive(saved.init.pid, saved.init.startTime)) return "stopped";
  return agentIsParked(directory) ? "created" : "running";
}

/** The kernel marks the mailbox's lock word when execve(2) replaces the agent; see agent/mailbox.ts. */
function agentIsParked(directory: StateDirectory): boolean {
  const fd = attempt(openat(directory.fd, MAILBOX_FILE, O_RDONLY));
  if (fd < 0) return false; // `start` removed it
  try {
    const word = new Uint8Array(4);
    here(pread(fd, word, PARKED_LOCK_OFFSET));
    return (new DataView(word.buffer).getUint32(0, true) & FUTEX_OWNER_DIED) === 0;
  } finally {
    here(close(fd));
  }
}

/** The state as runtime-spec defines it, for `state` and for hooks; a stopped container's pid is 0, as runc has it. */
export function stateOf(saved: Saved, status: Status): State & { readonly pid: number } {
  return {
    ociVersion: OCI_VERSION,
    id: saved.id,
    pid: status === "stopped" ? 0 : (saved.init?.pid ?? 0),
    status,
    bundle: saved.bundle,
    ...(saved.annotations === undefined ? {} : { annotations: saved.annotations }),
  };
}
