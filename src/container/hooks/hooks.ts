/**
 * The hooks of a container's life (config.md, "POSIX-platform Hooks"; runtime.md, "Lifecycle"):
 *
 *     create   namespaces, cgroup, mounts
 *              prestart, createRuntime    in tsrun's namespaces
 *              createContainer            in the container's; the host's files are still there
 *              pivot_root
 *     start    startContainer             in the container's, as its process: the program comes from the image
 *              the process executes its program
 *              poststart                  in tsrun's namespaces
 *     delete   init, cgroup and state go
 *              poststop                   in tsrun's namespaces
 *
 * A hook that fails before the container is deleted ends it: nothing is left of it, and its poststop hooks undo what
 * other hooks may have done. A failed poststop hook is only a warning.
 *
 * This module is loaded only for containers that have hooks.
 */
import type { Hook, Hooks, Process } from "../../../runtime-spec/config.ts";
import type { Linux } from "../../../runtime-spec/config-linux.ts";
import type { Caller } from "../../agent/caller.ts";
import type { Program } from "../../agent/program.ts";
import { CWD, chdir, close, openat2 } from "../../kernel/calls.ts";
import { O_PATH, RESOLVE_NO_MAGICLINKS } from "../../kernel/constants.ts";
import { readText } from "../../kernel/files.ts";
import { linesOf } from "../../kernel/user-error.ts";
import { landlockOf } from "../../linux/landlock/annotation.ts";
import type { Landlock } from "../../linux/landlock/confinement.ts";
import { resetAffinity } from "../../linux/process/affinity.ts";
import type { Unprivileged } from "../../linux/process/credentials.ts";
import { entriesOf } from "../../linux/process/environment.ts";
import { findHome } from "../../linux/process/home.ts";
import { joinKeyring } from "../../linux/process/keyring.ts";
import { labelsOf, type ProcessLabels } from "../../linux/process/labels.ts";
import { setOomScore } from "../../linux/process/oom-score.ts";
import { giveBackOpenFiles } from "../../linux/process/rlimits.ts";
import * as scheduling from "../../linux/process/scheduling.ts";
import type { SeccompFilter } from "../../linux/seccomp/filter.ts";
import { filterOf } from "../../linux/seccomp/load.ts";
import { unprivilegedGuest } from "../caller/caller.ts";
import { type ContainerNamespaces, closeContainer, openContainer } from "../init/container-namespaces.ts";
import { addAspects, becomeRoot, guestOf, setAspects } from "../process/aspects.ts";
import { processInfo } from "../state/process-info.ts";
import type { Saved, SavedInit } from "../state/saved.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import { stateOf } from "../state/status.ts";
import { type HookPlace, type HookState, runHook } from "./hook-process.ts";

/** Takes a line for the log. */
type Warn = (line: string) => void;

/** A container between its mounts and its pivot_root(2). */
interface Creation {
  readonly directory: StateDirectory;
  readonly saved: Saved;
  readonly pid: number;
}

/** The identity that hooks inside the container run as. */
interface Guarded {
  readonly hasUserNamespace: boolean;
  readonly unprivileged: Unprivileged | null;
}

export class CreateHooks {
  private readonly hooks: Hooks;
  private creating: Saved | null = null;

  constructor(hooks: Hooks) {
    this.hooks = hooks;
  }

  /** Runs them. Meanwhile the state tells the init's pid. @throws UserError */
  async run(creation: Creation & Guarded): Promise<void> {
    const {
      saved,
      pid,
      directory: { caller },
    } = creation;
    const state = await this.runInRuntime(creation);
    const init = { pid, startTime: processInfo(pid)?.startTime ?? 0 };
    await runInside(
      "createContainer",
      this.hooks.createContainer,
      { caller, saved, init, state },
      (entrance) => creationPlace(entrance, creation),
    );
  }

  /** Runs only those in tsrun's namespaces: for a container that is restored, whose mounts criu makes. */
  async runInRuntime({ directory, saved, pid }: Creation): Promise<HookState> {
    const { caller } = directory;
    this.creating = { ...saved, creatingPid: pid };
    directory.write(this.creating);
    const state = stateOf(this.creating, "creating");
    const runtime = runtimePlace(caller, saved.bundle);
    await runAll("prestart", this.hooks.prestart, state, runtime);
    await runAll("createRuntime", this.hooks.createRuntime, state, runtime);
    return state;
  }

  /** Runs the poststop hooks after a failed creation was undone, if any other hook may have run. */
  async undo(caller: Caller, warn: Warn): Promise<void> {
    if (this.creating !== null) await runPoststopHooks(caller, this.creating, warn);
  }
}

/** Runs the last hooks before a container's program. @throws UserError */
export async function runStartHooks(directory: StateDirectory, saved: Saved, init: SavedInit): Promise<void> {
  const hooks = saved.hooks?.startContainer;
  if (hooks === undefined) return;
  const { caller } = directory;
  const { linux, process } = directory.config();
  const filter = await filterOf(caller, linux?.seccomp);
  using labels = process === undefined ? null : labelsOf(caller, process);
  const landlock =
    process === undefined
      ? null
      : await landlockOf(saved.annotations, process, { preservedFds: 0, joins: true });
  const state = stateOf(saved, "created");
  await runInside("startContainer", hooks, { caller, saved, init, state }, (entrance, hook, where) =>
    processPlace(entrance, { caller, saved, hook, where, process, linux, filter, labels, landlock }),
  );
}

/** Runs the hooks after a container's program was executed. @throws UserError */
export async function runPoststartHooks(caller: Caller, saved: Saved): Promise<void> {
  await runAll(
    "poststart",
    saved.hooks?.poststart,
    stateOf(saved, "running"),
    runtimePlace(caller, saved.bundle),
  );
}

/** Runs the hooks of a container that is gone. One that fails does not keep the others from running. */
export async function runPoststopHooks(caller: Caller, saved: Saved, warn: Warn): Promise<void> {
  const state = stateOf(saved, "stopped");
  const place = runtimePlace(caller, saved.bundle);
  for (const [index, hook] of (saved.hooks?.poststop ?? []).entries()) {
    try {
      await runHook(placeOf("poststop", index, hook), hook, state, place);
    } catch (error) {
      for (const line of linesOf(error)) warn(line);
    }
  }
}

async function runAll(
  kind: keyof Hooks,
  hooks: readonly Hook[] = [],
  state: HookState,
  place: HookPlace,
): Promise<void> {
  for (const [index, hook] of hooks.entries()) await runHook(placeOf(kind, index, hook), hook, state, place);
}

/** A hook's place in config.json, with runc's words for one that fails, which other programs look for. */
function placeOf(kind: keyof Hooks, index: number, { path }: Hook): string {
  return `config.json: hooks.${kind}[${index}] (${path}): error running ${kind} hook #${index}`;
}

/** How a hook gets into a container, and what its `pid` is in there (runtime.md, "State"). */
interface Entrance extends ContainerNamespaces {
  readonly pidInside: number;
}

interface Inside {
  readonly caller: Caller;
  readonly saved: Saved;
  readonly init: Pick<SavedInit, "pid" | "startTime">;
  readonly state: HookState;
}

/** Runs hooks in the namespaces and the cgroup of an init. */
async function runInside(
  kind: keyof Hooks,
  hooks: readonly Hook[] = [],
  { caller, saved, init, state }: Inside,
  place: (entrance: Entrance, hook: Hook, where: string) => HookPlace,
): Promise<void> {
  for (const [index, hook] of hooks.entries()) {
    const where = placeOf(kind, index, hook);
    const namespaces = await openContainer(caller, init, saved.cgroup);
    try {
      const entrance = { ...namespaces, pidInside: innermostPid(init.pid) };
      await runHook(where, hook, state, place(entrance, hook, where));
    } finally {
      closeContainer(namespaces);
    }
  }
}

/** A process's pid in its own pid namespace (proc_pid_status(5)). */
function innermostPid(pid: number): number {
  const numbers = /^NSpid:\t(.*)$/m.exec(readText(`/proc/${pid}/status`))?.[1]?.split("\t");
  return Number(numbers?.at(-1) ?? pid);
}

/** In tsrun's namespaces, as its user. */
function runtimePlace(caller: Caller, bundle: string): HookPlace {
  return {
    caller,
    joins: [],
    cgroup: null,
    moveStage: null,
    root: null,
    pidInside: undefined,
    prepare: (pid) => giveBackOpenFiles(pid, caller),
    label: () => {},
    enter: (program) => enterBundle(program, bundle),
    schedule: () => {},
    filter: null,
    env: entriesOf(caller.env),
  };
}

/** In the namespaces of a container that has not pivoted yet, as root. */
function creationPlace(
  entrance: Entrance,
  { directory, saved, hasUserNamespace, unprivileged }: Creation & Guarded,
): HookPlace {
  const { oomScoreAdj, user } = directory.config().process ?? {};
  const { caller } = directory;
  return {
    ...{ ...entrance, caller },
    prepare(pid) {
      giveBackOpenFiles(pid, caller);
      setOomScore(pid, oomScoreAdj, unprivileged === null ? null : () => {}); // `create` will warn
      resetAffinity(pid);
    },
    label(program) {
      if (hasUserNamespace) becomeRoot(program, unprivileged, false, user);
      if (saved.keyring) joinKeyring(program, saved.keyring);
    },
    enter: (program) => enterBundle(program, saved.bundle),
    schedule: () => {},
    filter: null,
    env: [],
  };
}

/** poststop hooks may come after the bundle has gone, and root of a user namespace may not get there. */
function enterBundle(program: Program, bundle: string): null {
  program.orElse(chdir(bundle), "all", () => program.add(chdir("/")));
  return null;
}

interface ProcessHook {
  readonly caller: Caller;
  readonly saved: Saved;
  readonly hook: Hook;
  readonly where: string;
  readonly process: Process | undefined;
  readonly linux: Linux | undefined;
  readonly filter: SeccompFilter | null;
  readonly labels: ProcessLabels | null;
  readonly landlock: Landlock | null;
}

/** As another process of the container, with what config.json gives to its process. */
function processPlace(entrance: Entrance, wanted: ProcessHook): HookPlace {
  const { caller, saved, hook, where, process, linux, filter, labels, landlock } = wanted;
  if (process === undefined) throw new Error("the container was made without a process");
  const unprivileged = unprivilegedGuest(caller);
  const subject = guestOf(saved, {
    caller,
    process,
    linux,
    hasUserNamespace: entrance.hasUserNamespace,
    unprivileged,
    labels,
    landlock,
    filtered: filter !== null,
    warn: unprivileged === null ? null : () => {}, // `create` has warned
    scheduling,
  });
  return {
    ...{ ...entrance, caller },
    prepare: (pid) => setAspects(pid, "outside", subject),
    label: (program) => addAspects(program, "enter", subject),
    enter(program) {
      const home = findHome(program, process);
      addAspects(program, "becomeUser", subject);
      // As for process.args[0]: a link in the image must not lead to the agent itself.
      program.by(where).add(close(program.add(openat2(CWD, hook.path, O_PATH, RESOLVE_NO_MAGICLINKS))));
      return home;
    },
    schedule: (pid) => setAspects(pid, "last", subject),
    filter,
    annotations: saved.annotations,
    env: process.env ?? [],
  };
}
