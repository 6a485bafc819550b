import type { Mount } from "../../../runtime-spec/config.ts";
import type { Program } from "../../agent/program.ts";
import type { Fd, StepResult } from "../../kernel/call.ts";
import { mountSetattr } from "../../kernel/calls.ts";
import { AT_EMPTY_PATH, AT_RECURSIVE, O_NOFOLLOW } from "../../kernel/constants.ts";
import type { DeviceNumber } from "../../kernel/structs.ts";
import { directoryInside, fileInside } from "../inside.ts";
import type { NamespacePlan } from "../namespaces.ts";
import type { CopyUp, Owners } from "./copy-up.ts";
import type { Destinations } from "./destination.ts";
import { asksFor, type MountOptions } from "./mount-options.ts";
import type { ProcGuard } from "./proc-places.ts";

/**
 * Opens a file of the host for the init. `add` adds the steps to the program of the agent that may open it: the init,
 * or in a user namespace the host agent. Returns the init's descriptor.
 */
export type OpenOnHost = (add: (program: Program) => StepResult) => Fd;

/** What tsrun prepares for one of `mounts` before the init is born; few mounts need it. */
export interface PreparedMount {
  /** The descriptor of the user namespace for an id-mapped mount, which the init inherits. */
  readonly userns?: number;
  /** What `tmpcopyup` copies; `add` adds the steps. */
  readonly copy?: {
    readonly content: CopyUp;
    readonly owners: Owners;
    readonly add: typeof import("./copy-up.ts").addCopy;
  };
}

/** What mounts need to know about their container. */
export interface MountContext {
  readonly bundle: string;
  readonly rootfs: string;
  /** Where destinations are looked up before they are mounted on: the rootfs, or the root of a container that runs. */
  readonly lookedUpIn?: string;
  readonly mounts: readonly Mount[];
  /** Where the host has cgroup v2 mounted; null when nowhere. */
  readonly cgroups: string | null;
  readonly namespaces: NamespacePlan;
  readonly inUserNamespace: boolean;
  readonly openOnHost: OpenOnHost;
  /** The same for what proc(5) shows of its reader; without it, the init just opens that. */
  readonly openAsInit?: OpenOnHost;
  /** The device of the procfs that is on /proc already. */
  readonly procfs?: DeviceNumber | null;
  /** What was prepared for mounts, by their index. */
  readonly prepared: ReadonlyMap<number, PreparedMount> | null;
}

/** One of `mounts` while it is being made. */
export interface MountJob {
  readonly program: Program;
  readonly root: Fd;
  /** `mounts[3]` */
  readonly where: string;
  readonly mount: Mount;
  /** Its index in the context's mounts. */
  readonly index: number;
  readonly options: MountOptions;
  readonly prepared: PreparedMount;
  /** The destination without symlinks, relative to the rootfs. */
  readonly path: string;
  readonly guard: ProcGuard;
  readonly destinations: Destinations;
  readonly context: MountContext;
}

/** Opens the mount point, and makes it if it is missing: a directory or an empty file. */
export function openPlace(
  { program, root, where, mount, options, path, guard }: MountJob,
  directory: boolean,
): StepResult {
  const last = asksFor(options, "dest-nofollow") ? O_NOFOLLOW : 0;
  const place = (directory ? directoryInside : fileInside)(program, root, path, last);
  guard.check(program, place, where, mount.destination, path);
  return place;
}

/** Applies attributes and propagation to a mount, and the recursive ones to all below it too. */
export function changeMount(program: Program, mount: Fd, options: MountOptions): void {
  const { set, clear, recursiveSet, recursiveClear } = options;
  if (set !== 0 || clear !== 0) program.add(mountSetattr(mount, "", AT_EMPTY_PATH, { set, clear }));
  if (recursiveSet !== 0 || recursiveClear !== 0)
    program.add(
      mountSetattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, { set: recursiveSet, clear: recursiveClear }),
    );
  for (const { type, recursive } of options.propagation)
    program.add(
      mountSetattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), { propagation: type }),
    );
}
