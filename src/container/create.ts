import type { Linux } from "../../runtime-spec/config-linux.ts";
import { OCI_VERSION } from "../../runtime-spec/state.ts";
import type { Mailbox } from "../agent/mailbox.ts";
import { RoomError } from "../agent/room-error.ts";
import { StepError } from "../agent/step-error.ts";
import { close } from "../kernel/calls.ts";
import { statusIfThere, writeFile } from "../kernel/files.ts";
import { here } from "../kernel/here.ts";
import { findUnifiedMount } from "../linux/cgroups/hierarchy.ts";
import { killAll } from "../linux/cgroups/kill.ts";
import { hasOwnDevice } from "../linux/devices/devices.ts";
import { isCopiedUp, isIdMapped } from "../linux/mounts/mount-options.ts";
import { sharedParentOf } from "../linux/mounts/mount-table.ts";
import { changeRoot, type EnterRoot, pivot } from "../linux/mounts/rootfs.ts";
import { closeNamespaces, type NamespacePlan, openNamespaces, userNamespaceOf } from "../linux/namespaces.ts";
import { keyringName } from "../linux/process/keyring.ts";
import type { ProcessLabels } from "../linux/process/labels.ts";
import { guardDevices } from "../linux/process/null-streams.ts";
import { ownStreams } from "../linux/process/streams.ts";
import { filterOf } from "../linux/seccomp/load.ts";
import type { Bundle } from "./bundle.ts";
import { getuid, unprivilegedInit } from "./caller/caller.ts";
import { setFromOutside } from "./caller/outside.ts";
import { cgroupDriver } from "./cgroup/cgroup.ts";
import type { CreateHooks } from "./hooks/hooks.ts";
import type { HostAgent } from "./init/host-agent.ts";
import {
  becomeProcess,
  type InitContext,
  layOutExecution,
  leaveHost,
  loadListened,
  park,
  setUp,
} from "./init/init-program.ts";
import { finishInit, Launch, runInit } from "./init/launch.ts";
import { mailboxSize } from "./init/mailbox-size.ts";
import { newMailbox } from "./init/parked.ts";
import type { PreparedMounts } from "./init/prepared-mounts.ts";
import { writeMappings } from "./init/user-namespace.ts";
import { writePidFile } from "./state/pid-file.ts";
import { processInfo } from "./state/process-info.ts";
import { inState } from "./state/state-failure.ts";
import { stateOf } from "./state/status.ts";
import {
  CONFIG_FILE,
  type LaterHooks,
  type Saved,
  type SavedInit,
  type StateDirectory,
  type Store,
} from "./state/store.ts";
import { Undo } from "./state/undo.ts";
import type { Console } from "./terminal/console.ts";

export interface CreateOptions {
  readonly id: string;
  readonly pidFile: string | undefined;
  /** Called once the container has its state directory, before anything else is made. */
  readonly prepare: ((directory: StateDirectory) => void) | undefined;
  /** Whether systemd makes its cgroup. */
  readonly systemdCgroup: boolean;
  /** How many descriptors after the standard streams the container keeps. */
  readonly preservedFds: number;
  /** Which of those are not open, and are not to be. */
  readonly gaps: readonly number[];
  /** Enters the root without pivot_root(2). */
  readonly noPivot: boolean;
  /** Whether it gets a session keyring of its own, or keeps the caller's. */
  readonly ownKeyring: boolean;
  /** Whether the caller may lack permission for a cgroup. */
  readonly rootless: boolean;
  /** Takes the master of the process's terminal; null when that has none. */
  readonly console: Console | null;
  /** Is told the pid of the init, once all is ready. */
  readonly announce: ((pid: number) => void) | undefined;
  /** Is told what is done, line by line; without it nothing is recorded. */
  readonly debug: ((line: string) => void) | undefined;
  /** Is told what goes wrong without making the creation fail. */
  readonly warn: (line: string) => void;
}

/** A container that waits for `start`: its init is parked with the program to execute laid out. */
export interface Created {
  readonly directory: StateDirectory;
  readonly saved: Saved & { readonly init: SavedInit };
  readonly mailbox: Mailbox;
}

/**
 * Makes a container of a bundle: state, cgroup, namespaces, init, all that config.json says. Leaves nothing
 * behind when it fails. The container is locked until `directory` is disposed of or tsrun ends.
 * @throws Failure, ConfigError, StepError, SyscallError
 */
export async function create(store: Store, bundle: Bundle, options: CreateOptions): Promise<Created> {
  if (options.debug === undefined) return createOrExplain(store, bundle, options);
  const { traced } = await import("./listing/trace.ts");
  return traced(options.debug, () => createOrExplain(store, bundle, options));
}

async function createOrExplain(store: Store, bundle: Bundle, options: CreateOptions): Promise<Created> {
  try {
    return await makeWithHooks(store, bundle, options);
  } catch (error) {
    if (!(error instanceof RoomError || error instanceof StepError)) throw error;
    const { explained, otherwise } = await import("./after-failure.ts");
    const other = otherwise(error, bundle);
    if (other === null) throw explained(error, bundle);
    options.warn(other.warning);
    return makeWithHooks(store, other.bundle, options);
  }
}

async function makeWithHooks(store: Store, bundle: Bundle, options: CreateOptions): Promise<Created> {
  const { hooks } = bundle.config;
  if (hooks === undefined || Object.values(hooks).every((list) => list.length === 0))
    return make(store, bundle, options, null);
  const { CreateHooks } = await import("./hooks/hooks.ts");
  const create = new CreateHooks(hooks);
  try {
    return await make(store, bundle, options, create);
  } catch (error) {
    await create.undo(options.warn);
    throw error;
  }
}

async function make(
  store: Store,
  given: Bundle,
  options: CreateOptions,
  hooks: CreateHooks | null,
): Promise<Created> {
  using undo = new Undo();
  const driver = await cgroupDriver(options.systemdCgroup, options.rootless);
  const labelling = wantsLabels(given) ? await import("../linux/process/labels.ts") : null;
  const bundle = labelling === null ? given : { ...given, config: labelling.withMountLabel(given.config) };
  using labels = labelling?.labelsOf(bundle.process) ?? null;
  const namespaces = openNamespaces(bundle.config);
  const shared = namespaces.created.has("mount") ? null : await import("./init/shared-mounts.ts");
  const coversRootfs = shared?.mountsInShared(bundle.config) ?? false;
  const enterRoot = await wayIntoRoot(bundle, coversRootfs, options.noPivot);
  const filter = await filterOf(bundle.config.linux?.seccomp);
  using prepared = needsPreparedMounts(bundle)
    ? (await import("./init/prepared-mounts.ts")).prepareMounts(bundle, namespaces)
    : null;
  const directory = store.create(options.id);
  undo.addRecord(() => directory.remove());
  options.prepare?.(directory);
  const { intelRdt, netDevices } = bundle.config.linux ?? {};
  const resctrl =
    intelRdt === undefined ? null : new (await import("../linux/resctrl.ts")).Resctrl(options.id, intelRdt);
  const placed = driver.place(options.id, bundle.config);
  let saved: Saved = {
    ...firstState(bundle, options),
    cgroup: placed,
    ...(resctrl === null ? {} : { resctrl: resctrl.groups }),
  };
  const copy = coversRootfs ? shared?.copyRootfs(bundle.rootfs, directory) : undefined;
  if (copy !== undefined) saved = { ...saved, sharedRoots: copy.mounts };
  directory.write(saved); // before anything is made elsewhere: `delete` finds it even when tsrun is killed
  if (copy !== undefined) {
    undo.add(() => shared?.uncoverRootfs(saved, directory));
    shared?.coverRootfs(bundle.rootfs, copy.tree);
  }
  inState(directory.path, () => writeFile(CONFIG_FILE, bundle.text, 0o600, directory.fd));

  if (!bundle.process.terminal)
    guardDevices((path) => namespaces.created.has("mount") && hasOwnDevice(bundle.config, path));

  const cgroup = driver.make(placed, bundle.config);
  undo.add(() => cgroup.remove());
  if (cgroup.saved === null) saved = { ...saved, cgroup: null };

  const fd = inState(directory.path, () => newMailbox(directory));
  const hosts = needsHostAgent(namespaces) ? await import("./init/host-agent.ts") : null;
  const size = {
    ...mailboxSize(bundle, filter, prepared),
    ...(hosts === null ? {} : { host: hosts.hostSize(bundle) }),
  };
  const held = cgroup.admit !== undefined;
  const { gaps } = options;
  const launch = inState(directory.path, () => new Launch(fd, size, namespaces, cgroup.fd, { held, gaps }));
  undo.add(() => launch.abort());
  cgroup.admit?.(launch.stagePid);
  const { init, parked } = launch;
  for (const note of cgroup.notes) options.debug?.(note);
  // The init runs its program while tsrun builds the rest of it; in a new user namespace it must have ids first.
  const stream = () => {
    init.program.onReady = () => init.post();
    init.post();
  };
  if (!namespaces.created.has("user")) stream();
  const begin = async () => {
    cgroup.admitted?.();
    launch.release();
    const pid = launch.waitForInit();
    const userNamespace = userNamespaceOf(pid, namespaces);
    if (namespaces.created.has("user")) await mapIds(pid, bundle.config.linux ?? {});
    stream();
    cgroup.restrict();
    return { pid, userNamespace };
  };
  const begun = hosts === null ? null : await begin();
  const host = hosts === null || begun === null ? null : new hosts.HostAgent(launch, begun.pid);
  const context = contextOf(bundle, namespaces, saved.keyring, labels, {
    prepared,
    host,
    coversRootfs,
  });
  const { tree, terminal } = setUp(init.program, context);
  host?.end();
  const leave = () => leaveHost(init.program, tree, bundle, enterRoot);
  if (hooks === null) {
    leave();
    init.program.ready();
  }

  const { pid, userNamespace } = begun ?? (await begin());
  closeNamespaces(namespaces);
  if (resctrl !== null) {
    undo.add(() => resctrl.leave());
    resctrl.join(pid);
  }
  if (netDevices !== undefined) {
    const devices = (await import("./init/net-devices.ts")).moveNetDevices(pid, netDevices);
    undo.always(() => devices.close());
    undo.add(() => devices.giveBack());
  }
  if (terminal !== null) options.console?.attach(init, pid, terminal);
  const become = () => {
    const { preservedFds } = options;
    const { unprivileged } = context;
    const uidMappings = unprivileged === null ? (bundle.config.linux?.uidMappings ?? []) : [];
    const found = becomeProcess(init.program, bundle, { preservedFds, unprivileged, uidMappings });
    init.program.move(parked.agentAddress);
    return found;
  };
  const early = hooks === null ? become() : null; // while the init runs what comes before
  finishInit(init, pid);
  if (hooks !== null) {
    undo.add(() => cgroup.saved && killAll(cgroup.saved.path)); // what a hook may have left in there
    const { hasUserNamespace, unprivileged } = context;
    await hooks.run({ directory, saved, pid, hasUserNamespace, unprivileged });
    leave();
    runInit(init, pid); // what the set-up has left open does not count to the limit of open files
  }
  const { executable, home } = early ?? become();
  // The limits of the process might hinder what tsrun does before, and a change of user what it does after.
  setFromOutside(pid, bundle.process, context.unprivileged === null ? null : options.warn);
  init.post();
  const { startTime } = processInfo(pid) ?? { startTime: 0 };
  finishInit(init, pid);

  const path = executable.choose((step) => init.result(step));
  const env = home.environment(init);
  const range = layOutExecution(parked, bundle.process, env, path, options.preservedFds, filter);
  const created = {
    ...saved,
    init: {
      pid,
      startTime,
      ...range,
      executable: path,
      ownsPidNamespace: namespaces.created.has("pid"),
      ...(userNamespace === undefined ? {} : { userNamespace }),
    },
  };
  directory.write(created);
  if (options.pidFile !== undefined) writePidFile(options.pidFile, pid, undo);
  park(parked, options.preservedFds);
  runInit(parked, pid);
  loadListened(parked, pid, filter, stateOf(created, "creating"));
  const { scheduler, ioPriority } = bundle.process;
  if (scheduler !== undefined || ioPriority !== undefined)
    (await import("../linux/process/scheduling.ts")).setScheduling(pid, bundle.process);
  options.announce?.(pid);
  here(close(fd));
  cgroup.close();
  undo.keep();
  return { directory, saved: created, mailbox: parked };
}

async function wayIntoRoot({ rootfs }: Bundle, coversRootfs: boolean, noPivot: boolean): Promise<EnterRoot> {
  if (coversRootfs) return changeRoot;
  return noPivot ? (await import("../linux/mounts/move-root.ts")).moveRootOf(rootfs) : pivot;
}

function wantsLabels({ config: { linux }, process }: Bundle): boolean {
  return Boolean(linux?.mountLabel || process.apparmorProfile || process.selinuxLabel);
}

/** Whether the init has less rights over the host's files than tsrun, and mounts some. */
export const needsHostAgent = ({ created, joins }: NamespacePlan): boolean =>
  getuid() === 0 &&
  created.has("mount") &&
  (created.has("user") || joins.some(({ type }) => type === "user"));

/** Whether a mount asks for what is made before the init is born. */
export function needsPreparedMounts({ config: { mounts = [] } }: Bundle): boolean {
  for (const mount of mounts) if (isIdMapped(mount) || isCopiedUp(mount)) return true;
  return false;
}

/** Writes the mappings of the container's user namespace, by the means that the caller has. @throws ConfigError */
async function mapIds(pid: number, linux: Linux): Promise<void> {
  if (getuid() === 0) writeMappings(pid, linux, "linux");
  else (await import("./init/ordinary-mappings.ts")).writeOrdinaryMappings(pid, linux);
}

/** What is saved of a container before anything of it is made. */
export function firstState(
  bundle: Bundle,
  { id, ownKeyring }: Pick<CreateOptions, "id" | "ownKeyring">,
): Saved {
  const { annotations } = bundle.config;
  const hooks = laterHooks(bundle);
  return {
    ociVersion: OCI_VERSION,
    id,
    bundle: bundle.path,
    rootfs: bundle.rootfs,
    created: new Date().toISOString(),
    owner: getuid(),
    ...(annotations === undefined ? {} : { annotations }),
    cgroup: null,
    streams: bundle.process.terminal ? [] : ownStreams(),
    keyring: ownKeyring ? keyringName(id) : null,
    init: null,
    ...(hooks === null ? {} : { hooks }),
  };
}

/** The hooks that `start` and `delete` will run; null when there are none. */
function laterHooks({ config: { hooks } }: Bundle): LaterHooks | null {
  if (hooks === undefined) return null;
  const { startContainer = [], poststart = [], poststop = [] } = hooks;
  const count = startContainer.length + poststart.length + poststop.length;
  return count === 0 ? null : { startContainer, poststart, poststop };
}

/** What was made for the init's mounts. */
interface ContextOptions {
  readonly prepared: PreparedMounts | null;
  readonly host: Pick<HostAgent, "open"> | null;
  readonly coversRootfs: boolean;
}

export function contextOf(
  bundle: Bundle,
  namespaces: InitContext["namespaces"],
  keyring: string | null,
  labels: ProcessLabels | null,
  { prepared, host, coversRootfs }: ContextOptions,
): InitContext {
  const creates = namespaces.created.has("user");
  const hasUserNamespace = creates || namespaces.joins.some(({ type }) => type === "user");
  const unprivileged = unprivilegedInit(creates);
  return {
    bundle,
    namespaces,
    keyring,
    labels,
    openOnHost: host === null ? null : (add) => host.open(add),
    preparedMounts: prepared?.mounts ?? null,
    inUserNamespace: hasUserNamespace || unprivileged !== null,
    hasUserNamespace,
    unprivileged,
    cgroups: findUnifiedMount() ?? null,
    coversRootfs,
    hostHasKcore: statusIfThere("/proc/kcore") !== null,
    privateParent: sharedParentOf(bundle.rootfs, bundle.config.linux?.rootfsPropagation),
  };
}
