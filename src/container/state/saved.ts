import type { Hooks } from "../../../runtime-spec/config.ts";
import type { ResctrlGroups } from "../../linux/resctrl.ts";

/** What tsrun remembers of a container, in `ROOT/ID/state.json`. */
export interface Saved {
  readonly ociVersion: string;
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339, UTC. */
  readonly created: string;
  /** uid of the user who made it. */
  readonly owner: number;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Null until its path is known. */
  readonly cgroup: SavedCgroup | null;
  /** Its groups in resctrl, when it has any. */
  readonly resctrl?: ResctrlGroups;
  /** The name of its session keyring; null when it keeps the caller's. */
  readonly keyring: string | null;
  /**
   * The mount that covers the rootfs, if the container's mounts are made in the caller's mount namespace; then the
   * mounts of other containers below it, from the top down.
   */
  readonly sharedRoots?: readonly number[];
  /** How many mounts, the last ones of its config, were added while it ran; undefined while nothing has changed them. */
  readonly addedMounts?: number;
  /** The init process; null until it exists. */
  readonly init: SavedInit | null;
  /** The init's status (wait(2)), when tsrun has waited for its end and the container was to stay. */
  readonly ended?: number;
  /** The pid of the init while the hooks of `create` run. */
  readonly creatingPid?: number;
  /** The standard streams that its process was started with (streams.ts), whatever it has opened since. */
  readonly streams: readonly string[];
  /** The file of its process's output, when it was given one. */
  readonly output?: string;
  /** The hooks that come after `create`, when there are any. */
  readonly hooks?: LaterHooks;
}

/** A container that has, or had, an init. */
export type Living = Saved & { readonly init: SavedInit };

export type LaterHooks = Pick<Hooks, "startContainer" | "poststart" | "poststop">;

/** A container's cgroup directory, and the mount of cgroup v2 that it is in. */
export interface SavedCgroup {
  readonly mount: string;
  readonly path: string;
  /** The unit that the cgroup belongs to, when systemd has made it. */
  readonly unit?: SavedUnit;
}

export interface SavedUnit {
  readonly name: string;
  readonly slice: string;
  /** Which systemd manages it: the system's or the user's. */
  readonly manager: "system" | "user";
}

export interface SavedInit {
  readonly pid: number;
  readonly startTime: number;
  /** The steps of the parked agent that execute the container's program, and the executable they name. */
  readonly first: number;
  readonly end: number;
  readonly executable: string;
  /** Whether the init is PID 1 of a new pid namespace, so that the kernel ends all others with it. */
  readonly ownsPidNamespace: boolean;
  /** The container's user namespace: that of tsrun unless it has one of its own. */
  readonly userNamespace?: string;
}

/** A parsed state, if `StateDirectory.write` has written it; null when anything else has, or another version. */
export function savedFrom(parsed: unknown): Saved | null {
  const { id, cgroup, init } = Object(parsed);
  return typeof id === "string" && cgroup !== undefined && init !== undefined ? (parsed as Saved) : null; // as written
}

export function savedIn(text: string): Saved | null {
  try {
    return savedFrom(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
