import type { Config } from "../../runtime-spec/config.ts";
import { formatJson } from "../../runtime-spec/json.ts";
import { removeFile, writeFile } from "../kernel/files.ts";
import { Opened } from "../kernel/opened.ts";
import { savedMounts } from "../linux/criu/external-mounts.ts";
import type { CriuOptions } from "../linux/criu/messages.ts";
import { savedNamespaces } from "../linux/criu/namespaces.ts";
import { externalStreams } from "../linux/criu/streams.ts";
import { type MountEntry, mountTable } from "../linux/mounts/mount-table.ts";
import {
  askCriu,
  type CommonOptions,
  DESCRIPTORS_FILE,
  type ImagePlaces,
  MOUNTS_FILE,
  makeImageDirectories,
  requestOptions,
} from "./criu/criu.ts";
import { losses, refuseUnsavable } from "./criu/criu-losses.ts";
import { CriuProcess, findCriu } from "./criu/criu-process.ts";
import { destroy } from "./delete.ts";
import { changedMounts } from "./mounts/saved-mounts.ts";
import type { Living } from "./state/saved.ts";
import type { Store } from "./state/store.ts";
import { requireStatus } from "./state/verbs.ts";

export interface CheckpointOptions extends ImagePlaces {
  readonly leaveRunning: boolean;
  /** Only memory is saved, for a later checkpoint that names it as its parent; the container goes on. */
  readonly preDump: boolean;
  /** `statusFd` is a descriptor of this process. */
  readonly criu: CommonOptions &
    Pick<CriuOptions, "parentImages" | "tcpSkipInFlight" | "statusFd" | "pageServer">;
}

const LOG = "dump.log";

/**
 * Saves a running container with criu(8). Unless it is to go on running, it is then deleted, poststop hooks included.
 * When anything fails, it goes on running. @throws UserError
 */
export async function checkpoint(
  store: Store,
  id: string,
  options: CheckpointOptions,
  warn: (line: string) => void,
): Promise<void> {
  const what = `checkpoint container ${id}`;
  using opened = new Opened();
  using directory = store.open(id);
  await directory.lock();
  const { saved } = requireStatus("checkpoint", directory);
  const config = directory.config();
  refuseUnsavable(config);
  for (const line of losses(config)) warn(line);
  makeImageDirectories(options);
  removeFile(`${options.work ?? options.images}/${LOG}`); // of an earlier time
  const type = options.preDump ? "preDump" : "dump";
  const table = mountTable(saved.init.pid);
  const { streams } = saved;
  if (!options.preDump) {
    writeFile(`${options.images}/${DESCRIPTORS_FILE}`, JSON.stringify(streams), 0o600);
    saveChangedMounts(options, saved, config);
  }
  const request = requestFor(options, { saved, config, table }, opened);
  const external = [...(request.external ?? []), ...externalStreams(streams, table)];
  const { caller } = store;
  const place = { caller, handed: [], cgroup: null, prepare: () => {} };
  await using criu = await CriuProcess.start(findCriu(caller, what), place);
  await askCriu(criu, { type, options: { ...request, external } }, options, what);
  if (!options.leaveRunning && !options.preDump) await destroy(directory, warn);
}

/** The bundle has other mounts, and `restore` makes those that criu finds in the images. */
function saveChangedMounts({ images }: ImagePlaces, saved: Living, config: Config): void {
  const file = `${images}/${MOUNTS_FILE}`;
  const changed = changedMounts(saved, config);
  if (changed === null)
    removeFile(file); // of an earlier time
  else writeFile(file, formatJson(changed), 0o600);
}

/** A running container. */
interface Running {
  readonly saved: Living;
  readonly config: Config;
  readonly table: readonly MountEntry[];
}

function requestFor(
  options: CheckpointOptions,
  { saved, config, table }: Running,
  opened: Opened,
): CriuOptions {
  const { pid } = saved.init;
  const cgroup = saved.cgroup?.path ?? "";
  return {
    ...requestOptions(options, config, opened),
    ...options.criu,
    pid,
    root: saved.rootfs,
    logFile: LOG,
    leaveRunning: options.leaveRunning,
    trackMemory: options.preDump || undefined,
    freezeCgroup: cgroup === "" ? undefined : cgroup,
    externalMounts: savedMounts(config, { bundle: saved.bundle, cgroups: saved.cgroup?.mount ?? "" }, table),
    external: savedNamespaces(config, pid),
  };
}
