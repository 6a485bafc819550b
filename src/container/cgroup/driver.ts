import type { Config } from "../../../runtime-spec/config.ts";
import type { Resources } from "../../../runtime-spec/config-linux.ts";
import type { SavedCgroup } from "../state/saved.ts";

/** How a container gets its cgroup: tsrun makes it (cgroup.ts), or systemd does (scope.ts). */
export interface CgroupDriver {
  /**
   * Where a container's cgroup will be. A cgroup that is in use is refused here, before the path is saved: were tsrun
   * killed after that, `delete` would take it for the container's. @throws UserError
   */
  locate(id: string, config: Config): SavedCgroup | Promise<SavedCgroup>;
  /** Makes it, with the controllers that the limits need. @throws UserError */
  create(saved: SavedCgroup, config: Config): NewCgroup | Promise<NewCgroup>;
  /** Changes its limits, all or none. @throws UserError */
  change(saved: SavedCgroup, resources: Resources): Promise<void>;
  /** Removes it and all below it. @throws UserError */
  remove(saved: SavedCgroup): Promise<void>;
}

/** A container's cgroup while it is being made. */
export interface NewCgroup {
  /** Null for a container without one. */
  readonly saved: SavedCgroup | null;
  /** The directory that the init is born in; null if it is born in the cgroup of its parent, the stage. */
  readonly fd: number | null;
  /** Asks systemd for a scope with this process, the waiting stage, in it; absent without systemd. */
  readonly startScope?: (process: number) => void;
  /** Waits until the scope is there, with the process in it. @throws UserError */
  readonly waitForScope?: () => Promise<void>;
  /** Which resources are left out, and why: for --debug. */
  readonly notes: readonly string[];
  /** Applies resource limits and the device program. @throws UserError */
  applyLimits(): void;
  /** Takes back what was made. */
  remove(): Promise<void>;
  close(): void;
}
