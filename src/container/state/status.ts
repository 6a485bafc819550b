import type { State, Status } from "../../../runtime-spec/state.ts";
import { OCI_VERSION } from "../../../runtime-spec/state.ts";
import { statusIfThere } from "../../kernel/files.ts";
import { isFrozen } from "../../linux/cgroups/freeze.ts";
import { AGENT_NAME } from "../init/parked.ts";
import { aliveProcess } from "./process-info.ts";
import type { Saved } from "./saved.ts";
import { MAILBOX_FILE, type StateDirectory } from "./state-directory.ts";

/** A status of the spec, or runc's own one for a container whose cgroup is frozen. */
export type ContainerStatus = Status | "paused";

/**
 * A container's status (runtime.md#lifecycle), from what can be seen at this moment:
 * - no init yet: `creating` while its creator lives (it holds the lock), else `stopped`;
 * - init dead, or its pid is another process's: `stopped`;
 * - its cgroup frozen: `paused`, as runc adds to the spec;
 * - init alive and still the parked agent: `created`, else `running`.
 */
export function containerStatus(directory: StateDirectory, saved: Saved | null): ContainerStatus {
  if (saved === null || saved.init === null) return directory.busy ? "creating" : "stopped";
  const process = aliveProcess(saved.init.pid, saved.init.startTime);
  if (process === null) return "stopped";
  // execve(2) gives the process its program's name in the same instant; `start` removes the mailbox after that,
  // so no program can pass for the agent later.
  const parked = process.name === AGENT_NAME && statusIfThere(MAILBOX_FILE, 0, directory.fd) !== null;
  if (saved.cgroup !== null && isFrozen(saved.cgroup.path)) return "paused";
  return parked ? "created" : "running";
}

/** The state as runtime-spec defines it, for `state` and for hooks; a stopped container's pid is 0, as in runc. */
export function stateOf<S extends ContainerStatus>(
  saved: Saved,
  status: S,
): Omit<State, "status"> & { readonly pid: number; readonly status: S } {
  return {
    ociVersion: OCI_VERSION,
    id: saved.id,
    pid: status === "stopped" ? 0 : (saved.init?.pid ?? saved.creatingPid ?? 0),
    status,
    bundle: saved.bundle,
    ...(saved.annotations === undefined ? {} : { annotations: saved.annotations }),
  };
}
