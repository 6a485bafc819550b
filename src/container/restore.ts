import { parseJson } from "../../runtime-spec/json.ts";
import { SyscallError } from "../kernel/call.ts";
import { close, prctl } from "../kernel/calls.ts";
import { PR_SET_NO_NEW_PRIVS } from "../kernel/constants.ts";
import { errnoWords } from "../kernel/errno.ts";
import { readLink, readTextIfThere, removeFile, writeExisting, writeFile } from "../kernel/files.ts";
import { here } from "../kernel/here.ts";
import { UserError } from "../kernel/user-error.ts";
import { killAll } from "../linux/cgroups/kill.ts";
import { restoredMounts } from "../linux/criu/external-mounts.ts";
import type { CriuOptions } from "../linux/criu/messages.ts";
import { restoredNamespaces } from "../linux/criu/namespaces.ts";
import { FIRST_HANDED, type Notification } from "../linux/criu/service.ts";
import { restoredStreams, streamsAfter } from "../linux/criu/streams.ts";
import { mountTable } from "../linux/mounts/mount-table.ts";
import { takeKeyring } from "../linux/process/keyring.ts";
import type { Bundle } from "./bundle.ts";
import { cgroupDriver } from "./cgroup/cgroup.ts";
import {
  askCriu,
  type CommonOptions,
  DESCRIPTORS_FILE,
  type ImagePlaces,
  requestOptions,
} from "./criu/criu.ts";
import { makeMountpoints, mountRoot, releaseRoot } from "./criu/criu-root.ts";
import { sealRoot } from "./criu/restored-root.ts";
import { CreateHooks } from "./hooks/hooks.ts";
import { firstState } from "./state/first-state.ts";
import { writePidFile } from "./state/pid-file.ts";
import { processInfo } from "./state/process-info.ts";
import { CONFIG_FILE, type Living, type StateDirectory, type Store } from "./state/store.ts";
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
 * criu makes namespaces, mounts and processes. The init is a child of tsrun. Only those hooks run that `create` runs
 * outside of the container. A failure leaves nothing behind. The container is locked until `directory` is disposed of.
 * @throws UserError
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

async function make(
  store: Store,
  bundle: Bundle,
  options: RestoreOptions,
  hooks: CreateHooks,
): Promise<Restored> {
  await using undo = new Undo();
  const { config } = bundle;
  const names = namesOf(options.images);
  const streams = restoredStreams(names);
  const common = requestOptions(options, config);
  const namespaces = restoredNamespaces(store.caller, config);
  const directory = await store.create(options.id);
  undo.add(() => directory[Symbol.dispose]());
  undo.addRecord(() => directory.remove());
  options.prepare?.(directory);
  const first = {
    ...firstState(store.caller, bundle, { id: options.id, ownKeyring: true }),
    streams: streamsAfter(store.caller.streams, names),
  };
  const driver = await cgroupDriver(store.caller, options.systemdCgroup);
  const place = await driver.locate(options.id, config);
  const saved = { ...first, cgroup: place };
  directory.write(saved); // before anything is made elsewhere, as in `create`
  writeFile(CONFIG_FILE, bundle.text, 0o600, directory.fd);
  const cgroup = await driver.create(place, config);
  undo.add(() => cgroup.remove());
  undo.add(() => killAll(place.path));
  /** Restored processes start in criu's own cgroup. */
  const enterCgroup = async (criu: number) => {
    if (cgroup.startScope === undefined) writeExisting(`${place.path}/cgroup.procs`, String(criu));
    else cgroup.startScope(criu);
    await cgroup.waitForScope?.();
    cgroup.applyLimits();
    cgroup.close();
  };

  makeMountpoints(bundle);
  const root = mountRoot(directory, bundle.rootfs);
  undo.always(() => releaseRoot(root));
  removeFile(`${options.work ?? options.images}/${LOG}`); // of an earlier time
  if (first.keyring !== null) takeKeyring(first.keyring, namespaces.createsUser);
  // criu 3.17 does not restore it, but every restored process inherits criu's own.
  if (bundle.process.noNewPrivileges) here(prctl(PR_SET_NO_NEW_PRIVS, 1));
  const { handed, joined } = namespaces;
  const response = await askCriu(
    {
      type: "restore",
      options: {
        ...common,
        ...options.criu,
        root,
        logFile: LOG,
        restoreAsSibling: true,
        evasiveDevices: true,
        externalMounts: restoredMounts(config, { bundle: bundle.path, cgroups: place.mount }, mountTable()),
        cgroupRoots: [{ controller: "", path: place.path.slice(place.mount.length) }],
        joined,
        inherited: [...streams, ...handed.map(({ key }, index) => ({ key, fd: FIRST_HANDED + index }))],
      },
      withStreams: true,
      handed: handed.map(({ fd }) => fd),
      onStart: enterCgroup,
      onNotification: async (event) => {
        if (event.script === "setup-namespaces")
          await hooks.runInRuntime({ directory, saved, pid: event.pid });
        if (event.script === "post-restore" && config.root?.readonly) await sealRoot(store.caller, event.pid);
        takeMaster(event, options.console);
      },
    },
    options,
    `restore container ${options.id}`,
  );
  const pid = response.restored?.pid ?? 0;
  const { startTime } = processInfo(pid) ?? { startTime: 0 };
  const ownsPidNamespace = namespaces.createsPid;
  const init = { pid, startTime, first: 0, end: 0, executable: "", ownsPidNamespace };
  const hasUser = config.linux?.namespaces?.some(({ type }) => type === "user");
  const own = hasUser ? {} : { userNamespace: readLink(`${store.caller.proc}/ns/user`) };
  const restored = { ...saved, init: { ...init, ...own } };
  directory.write(restored);
  if (options.pidFile !== undefined) writePidFile(store.caller, options.pidFile, pid, undo);
  for (const fd of namespaces.opened) here(close(fd));
  undo.keep();
  return { directory, saved: restored };
}

/** The terminal of the process; nobody held its master when it was saved. */
function takeMaster({ script, descriptor }: Notification, console: Console | null): void {
  if (descriptor === null) return;
  if (script === "orphan-pts-master" && console !== null) console.take(descriptor);
  else here(close(descriptor));
}

function descriptorsIn(file: string): string | null {
  try {
    return readTextIfThere(file);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new UserError(`cannot read ${file}: ${errnoWords(error.errno)}`);
  }
}

/** What the container's standard streams were when it was saved. @throws UserError */
function namesOf(images: string): readonly string[] {
  const file = `${images}/${DESCRIPTORS_FILE}`;
  const text = descriptorsIn(file);
  const names = text === null ? null : parseJson(text, file);
  if (!Array.isArray(names))
    throw new UserError(`${images} holds no checkpoint of a container: it has no ${DESCRIPTORS_FILE}`);
  return names.map(String);
}
