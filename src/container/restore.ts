import { parseJson } from "../../runtime-spec/json.ts";
import { lineOf, validateMounts } from "../../runtime-spec/validate.ts";
import type { Caller } from "../agent/caller.ts";
import { SyscallError } from "../kernel/call.ts";
import { close, prctl } from "../kernel/calls.ts";
import { PR_SET_NO_NEW_PRIVS } from "../kernel/constants.ts";
import { errnoWords } from "../kernel/errno.ts";
import { readTextIfThere, removeFile } from "../kernel/files.ts";
import { here } from "../kernel/here.ts";
import { Opened } from "../kernel/opened.ts";
import { UserError } from "../kernel/user-error.ts";
import { killAll } from "../linux/cgroups/kill.ts";
import { restoredMounts } from "../linux/criu/external-mounts.ts";
import type { CriuOptions } from "../linux/criu/messages.ts";
import { restoredNamespaces } from "../linux/criu/namespaces.ts";
import type { Notification } from "../linux/criu/service.ts";
import { restoredStreams, streamsAfter } from "../linux/criu/streams.ts";
import { mountTable } from "../linux/mounts/mount-table.ts";
import { closeNamespaces, openNamespaces } from "../linux/namespaces.ts";
import { makeKeyring } from "../linux/process/keyring.ts";
import type { Bundle } from "./bundle.ts";
import { cgroupDriver } from "./cgroup/cgroup.ts";
import {
  askCriu,
  type CommonOptions,
  DESCRIPTORS_FILE,
  type ImagePlaces,
  MOUNTS_FILE,
  requestOptions,
} from "./criu/criu.ts";
import { CriuProcess, FIRST_HANDED, findCriu } from "./criu/criu-process.ts";
import { makeMountpoints, mountRoot, releaseRoot } from "./criu/criu-root.ts";
import { sealRoot } from "./criu/restored-root.ts";
import { CreateHooks } from "./hooks/hooks.ts";
import { type Located, locate } from "./locate.ts";
import { type KnownMounts, withKnown } from "./mounts/saved-mounts.ts";
import { firstState } from "./state/first-state.ts";
import { writePidFile } from "./state/pid-file.ts";
import { processInfo } from "./state/process-info.ts";
import type { Living } from "./state/saved.ts";
import type { StateDirectory } from "./state/state-directory.ts";
import type { Store } from "./state/store.ts";
import { Undo } from "./state/undo.ts";
import type { Console } from "./terminal/console.ts";

export interface RestoreOptions extends ImagePlaces {
  readonly id: string;
  readonly pidFile: string | undefined;
  /** Called once the container has its state directory, before anything else is made. */
  readonly prepare: ((directory: StateDirectory) => void) | undefined;
  /** Whether systemd makes its cgroup. */
  readonly systemdCgroup: boolean;
  /** Takes the master of the process's terminal; null when that has none. */
  readonly console: Console | null;
  readonly criu: CommonOptions & Pick<CriuOptions, "lsmProfile" | "lsmMountContext">;
  /** Is told the stages that criu reaches, by the names of its action scripts. */
  readonly onStage: ((stage: string) => void) | undefined;
  /** Is told what goes wrong without making the restoration fail. */
  readonly warn: (line: string) => void;
}

/** A container that runs again. */
export interface Restored {
  readonly directory: StateDirectory;
  readonly saved: Living;
}

const LOG = "restore.log";

/**
 * Restores a container from a bundle and a checkpoint, with criu(8). tsrun makes the state, the cgroup and its limits;
 * criu makes namespaces, mounts and processes. The init is a child of the caller. Only those hooks run that `create`
 * runs outside of the container. A failure leaves nothing behind. The container is locked until `directory` is disposed
 * of. @throws UserError
 */
export async function restore(store: Store, bundle: Bundle, options: RestoreOptions): Promise<Restored> {
  const hooks = new CreateHooks(bundle.config.hooks ?? {});
  try {
    return await make(store, bundle, options, hooks);
  } catch (error) {
    await hooks.undo(store.caller, options.warn);
    throw error;
  }
}

/** The phases of `create`, as far as criu leaves them to tsrun; some come while criu works. */
async function make(
  store: Store,
  bundle: Bundle,
  options: RestoreOptions,
  hooks: CreateHooks,
): Promise<Restored> {
  await using undo = new Undo();
  using opened = new Opened();
  const known = knownMounts(options.images);
  const plan = await planOf(store.caller, { bundle: withKnown(bundle, known), known }, options, opened);
  const located = await locate(store, plan, options, undo);
  const root = setUpRoot(plan.bundle, located, undo);
  await using criu = await launch(plan, located, undo);
  const phases = phasesOf(plan, located, hooks, options, undo);
  const pid = await restoreBy(criu, { plan, located, root, phases }, options);
  const saved = recordInit(plan, located, pid, options, undo);
  undo.keep();
  return { directory: located.directory, saved };
}

/** What a restoration knows and has opened before it makes anything. */
async function planOf(caller: Caller, { bundle, known }: Wanted, options: RestoreOptions, opened: Opened) {
  const { config } = bundle;
  const names = namesOf(options.images);
  const common = requestOptions(options, config, opened);
  const namespaces = openNamespaces(caller, config);
  opened.defer(() => closeNamespaces(namespaces));
  const { handed, joined } = restoredNamespaces(config, namespaces);
  const streams = restoredStreams(names).map(({ key, fd }) => ({ key, fd: caller.streams[fd] ?? -1 }));
  return {
    ...{ bundle, common, joined, created: namespaces.created },
    criu: findCriu(caller, whatFor(options)),
    driver: await cgroupDriver(caller, options.systemdCgroup),
    first: {
      ...firstState(caller, bundle, { id: options.id, ownKeyring: true }),
      streams: streamsAfter(caller.streams, names),
      ...(known === null ? {} : { addedMounts: known.added }),
    },
    /** What restored processes inherit under names of the images. */
    inherited: [...streams, ...handed],
  };
}

/** A bundle with the mounts that the container had; null where these are the bundle's own. */
interface Wanted {
  readonly bundle: Bundle;
  readonly known: KnownMounts | null;
}

type Plan = Awaited<ReturnType<typeof planOf>>;

const whatFor = ({ id }: RestoreOptions) => `restore container ${id}`;

/** Gives criu the rootfs where it wants it; the mounts are its own work. Returns where. */
function setUpRoot(bundle: Bundle, { directory }: Located, undo: Undo): string {
  makeMountpoints(bundle);
  const root = mountRoot(directory, bundle.rootfs);
  undo.always(() => releaseRoot(root));
  return root;
}

/** Starts criu in the container's cgroup, with what restored processes inherit from it. */
function launch(plan: Plan, { directory, saved, cgroup }: Located, undo: Undo): Promise<CriuProcess> {
  const { keyring } = saved;
  const { path } = saved.cgroup ?? {};
  if (path !== undefined) undo.add(() => killAll(path));
  return CriuProcess.start(plan.criu, {
    ...{ caller: directory.caller, cgroup, handed: plan.inherited.map(({ fd }) => fd) },
    prepare(program) {
      if (keyring !== null) makeKeyring(program, keyring, plan.created.has("user"));
      // criu 3.17 does not restore it.
      if (plan.bundle.process.noNewPrivileges)
        program.by("config.json: process.noNewPrivileges").add(prctl(PR_SET_NO_NEW_PRIVS, 1));
    },
  });
}

/** What is done at stages of criu's, by their names. */
type Phases = Readonly<Record<string, (event: Notification) => Promise<void> | void>>;

function phasesOf(
  { bundle }: Plan,
  { directory, saved }: Located,
  hooks: CreateHooks,
  { console }: RestoreOptions,
  undo: Undo,
): Phases {
  const { caller } = directory;
  return {
    async "setup-namespaces"({ pid }) {
      if (pid > 0) undo.add(() => caller.end(pid)); // criu can't reap it
      await hooks.runInRuntime({ directory, saved, pid });
    },
    async "post-restore"({ pid }) {
      if (bundle.config.root?.readonly) await sealRoot(caller, pid);
    },
    /** The terminal of the process; nobody held its master when it was saved. */
    "orphan-pts-master"({ descriptor }) {
      if (descriptor === null) return;
      if (console === null) here(close(descriptor));
      else console.take(descriptor);
    },
  };
}

interface Restoration {
  readonly plan: Plan;
  readonly located: Located;
  readonly root: string;
  readonly phases: Phases;
}

/** Has criu restore the processes; returns the init's pid. */
async function restoreBy(
  criu: CriuProcess,
  { plan, located: { saved }, root, phases }: Restoration,
  options: RestoreOptions,
): Promise<number> {
  const { bundle, common, joined, inherited } = plan;
  const { path = "", mount = "" } = saved.cgroup ?? {};
  const where = { bundle: bundle.path, cgroups: mount };
  removeFile(`${options.work ?? options.images}/${LOG}`); // of an earlier time
  const request = {
    ...{ ...common, ...options.criu, root, joined },
    ...{ logFile: LOG, restoreAsSibling: true, evasiveDevices: true },
    externalMounts: restoredMounts(bundle.config, where, mountTable()),
    cgroupRoots: [{ controller: "", path: path.slice(mount.length) }],
    inherited: inherited.map(({ key }, index) => ({ key, fd: FIRST_HANDED + index })),
  };
  const onNotification = (event: Notification) => {
    options.onStage?.(event.script);
    return phases[event.script]?.(event);
  };
  const asked = { type: "restore", options: request, onNotification } as const;
  const { restored } = await askCriu(criu, asked, options, whatFor(options));
  return restored?.pid ?? 0;
}

/** Writes down the init, which runs again. */
function recordInit(
  { bundle, created }: Plan,
  { directory, saved }: Located,
  pid: number,
  { pidFile }: RestoreOptions,
  undo: Undo,
): Living {
  const { caller } = directory;
  const { startTime } = processInfo(pid) ?? { startTime: 0 };
  const hasUser = bundle.config.linux?.namespaces?.some(({ type }) => type === "user");
  const own = hasUser ? {} : { userNamespace: caller.namespace("user") };
  const init = { pid, startTime, first: 0, end: 0, executable: "", ownsPidNamespace: created.has("pid") };
  const restored = { ...saved, init: { ...init, ...own } };
  directory.write(restored);
  if (pidFile !== undefined) writePidFile(caller, pidFile, pid, undo);
  return restored;
}

function textIn(file: string): string | null {
  try {
    return readTextIfThere(file);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new UserError(`cannot read ${file}: ${errnoWords(error.errno)}`);
  }
}

/** The container's mounts, if they were changed while it ran. @throws UserError */
function knownMounts(images: string): KnownMounts | null {
  const file = `${images}/${MOUNTS_FILE}`;
  const text = textIn(file);
  if (text === null) return null;
  const known = parseJson(text, file);
  const { mounts, problems } = validateMounts(known);
  if (problems.length > 0) throw new UserError(problems.map((problem) => lineOf(file, problem)));
  const added = typeof known === "object" && known !== null && "added" in known ? Number(known.added) : 0;
  return { mounts, added };
}

/** What the container's standard streams were when it was saved. @throws UserError */
function namesOf(images: string): readonly string[] {
  const file = `${images}/${DESCRIPTORS_FILE}`;
  const text = textIn(file);
  const names = text === null ? null : parseJson(text, file);
  if (!Array.isArray(names))
    throw new UserError(`${images} holds no checkpoint of a container: it has no ${DESCRIPTORS_FILE}`);
  return names.map(String);
}
