/** The containers in a state directory, whichever runtime has made them: tsrun, runc or crun. Nothing is changed. */
import type { Caller } from "../../agent/caller.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, openat } from "../../kernel/calls.ts";
import { AT_EMPTY_PATH, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { status, statusIfThere } from "../../kernel/files.ts";
import { attempt } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import { isFrozen } from "../../linux/cgroups/freeze.ts";
import { findUnifiedMount } from "../../linux/cgroups/hierarchy.ts";
import { isAbsolute, join } from "../../linux/paths.ts";
import { userName } from "../caller/caller.ts";
import { aliveProcess } from "../state/process-info.ts";
import { type Saved, savedFrom } from "../state/saved.ts";
import { CONFIG_FILE, STATE_FILE, StateDirectory } from "../state/state-directory.ts";
import { type ContainerStatus, containerStatus } from "../state/status.ts";
import { numberAt, objectAt, objectsAt, type Parsed, readParsed, textAt, textsAt } from "./parsed.ts";
import { directoriesIn, type Tell } from "./places.ts";

/** A container as its runtime remembers it. */
export interface Known {
  readonly id: string;
  readonly runtime: "tsrun" | "runc" | "crun";
  /** The runtime's `--root`. */
  readonly root: string;
  readonly status: ContainerStatus;
  /** Its first process, which may have ended; null while it has none. */
  readonly init: { readonly pid: number; readonly startTime: number } | null;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339. */
  readonly created: string;
  readonly owner: string;
  /** The directory of its cgroup; null without one. */
  readonly cgroup: string | null;
  /** The status of its first process (wait(2)), if tsrun has seen its end. */
  readonly ended?: number;
  /** `process.args`. */
  readonly args: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  /** `linux.namespaces`; a path is empty for a new one. */
  readonly asked: readonly { readonly type: string; readonly path: string }[];
}

/** All containers in `root`. What cannot be read is told, and left out. */
export function knownIn(root: string, caller: Caller, tell: Tell): readonly Known[] {
  return directoriesIn(root, tell).flatMap((id) => {
    const path = `${root}/${id}`;
    return attempted(() => knownAs(id, root, caller, (line) => tell(`${path}: ${line}`)), path, tell) ?? [];
  });
}

/** What `read` finds; null, and a line that says why, when it fails. */
function attempted<T>(read: () => T, where: string, tell: Tell): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof SyscallError) tell(`${where}: ${error.call.name}: ${errnoWords(error.errno)}`);
    else if (error instanceof UserError) tell(`${where}: ${error.message}`);
    else throw error;
    return null;
  }
}

/** Null for a directory that is no container's, or not yet, or no more. @throws UserError, SyscallError */
function knownAs(id: string, root: string, caller: Caller, tell: Tell): Known | null {
  const call = openat(CWD, `${root}/${id}`, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const fd = attempt(call);
  if (fd === -ERRNO.ENOENT) return null;
  if (fd < 0) throw new SyscallError(call, -fd);
  using directory = new StateDirectory(id, `${root}/${id}`, fd, caller);
  const place = { directory, root, tell };
  const state = readParsed(STATE_FILE, fd);
  if (state !== null) return ofTsrun(place, state) ?? ofRunc(place, state);
  const crun = readParsed("status", fd);
  return crun === null ? null : ofCrun(place, crun);
}

interface Place {
  readonly directory: StateDirectory;
  readonly root: string;
  readonly tell: Tell;
}

function ofTsrun({ directory, root, tell }: Place, state: Parsed): Known | null {
  const written = savedFrom(state);
  if (written === null) return null;
  const saved = withoutOthers(written);
  const { ended } = saved;
  return {
    runtime: "tsrun",
    ...{ id: directory.id, root, init: saved.init, cgroup: saved.cgroup?.path ?? null },
    ...{
      bundle: textAt(state, "bundle"),
      rootfs: textAt(state, "rootfs"),
      created: textAt(state, "created"),
    },
    owner: userName(numberAt(state, "owner")),
    status: containerStatus(directory, saved),
    ...(typeof ended === "number" ? { ended } : {}),
    ...inConfig([[CONFIG_FILE, directory.fd]], tell),
  };
}

/** The state may be another user's, and name what is no cgroup and no process. */
function withoutOthers(saved: Saved): Saved {
  const { cgroup, init } = saved;
  return {
    ...saved,
    cgroup: cgroup !== null && isCgroup(cgroup.path) ? cgroup : null,
    init: init !== null && Number.isSafeInteger(init.pid) ? init : null,
  };
}

/** libcontainer's State. */
function ofRunc(place: Place, state: Parsed): Known {
  const pid = numberAt(state, "init_process_pid");
  if (pid === 0) throw new UserError(`${STATE_FILE} is neither tsrun's nor runc's`);
  const config = objectAt(state, "config");
  const labels = textsAt(config, "labels");
  const bundle = labels.find((label) => label.startsWith("bundle="))?.slice("bundle=".length) ?? "";
  const cgroups = objectAt(state, "cgroup_paths"); // by controllers; that of cgroup v2 has no name
  return foreign(place, "runc", {
    ...{ pid, startTime: numberAt(state, "init_process_start"), bundle },
    cgroup: textAt(cgroups, "") || textAt(cgroups, "pids") || textAt(cgroups, "devices"),
    ...{ rootfs: textAt(config, "rootfs"), created: textAt(state, "created") },
    configs: [[`${bundle}/${CONFIG_FILE}`, CWD]],
  });
}

/** crun's libcrun_container_status_t. */
function ofCrun(place: Place, state: Parsed): Known {
  const pid = numberAt(state, "pid");
  if (pid === 0) throw new UserError("status is not crun's");
  const bundle = textAt(state, "bundle");
  const path = textAt(state, "cgroup-path");
  return foreign(place, "crun", {
    ...{ pid, startTime: numberAt(state, "process-start-time"), bundle },
    cgroup: path === "" ? "" : join(findUnifiedMount() ?? CGROUPS, path),
    rootfs: fromBundle(bundle, textAt(state, "rootfs")),
    created: textAt(state, "created"),
    configs: [
      [CONFIG_FILE, place.directory.fd],
      [`${bundle}/${CONFIG_FILE}`, CWD],
    ],
  });
}

const fromBundle = (bundle: string, path: string) => (isAbsolute(path) ? path : join(bundle, path));

/** Where a config.json may be: a path, and the directory that it begins at. */
type Configs = readonly (readonly [path: string, directory: number])[];

interface Found extends Pick<Known, "bundle" | "rootfs" | "created"> {
  readonly pid: number;
  readonly startTime: number;
  readonly cgroup: string;
  readonly configs: Configs;
}

/** Both have a FIFO in the directory until the container is started. */
const FIFO = "exec.fifo";

function foreign({ directory, root, tell }: Place, runtime: "runc" | "crun", found: Found): Known {
  const { pid, startTime, bundle, rootfs, created, configs } = found;
  const cgroup = isCgroup(found.cgroup) ? found.cgroup : null;
  const alive = () => (statusIfThere(FIFO, 0, directory.fd) === null ? "running" : "created");
  const lives = aliveProcess(pid, startTime) !== null;
  return {
    ...{ id: directory.id, root, runtime, bundle, rootfs, created, cgroup, init: { pid, startTime } },
    owner: userName(status("", AT_EMPTY_PATH, directory.fd).uid),
    status: !lives ? "stopped" : cgroup !== null && isFrozen(cgroup) ? "paused" : alive(),
    ...inConfig(configs, tell),
  };
}

const CGROUPS = "/sys/fs/cgroup";

const isCgroup = (path: unknown): path is string =>
  typeof path === "string" && isAbsolute(path) && join(path).startsWith(`${CGROUPS}/`);

/** What the first of these that there is says of a container; nothing where none can be read. */
function inConfig(configs: Configs, tell: Tell): Pick<Known, "args" | "annotations" | "asked"> {
  let config: Parsed | null = null;
  for (const [path, directory] of configs)
    config ??= attempted(() => readParsed(path, directory), "its configuration", tell);
  const annotations = objectAt(config ?? {}, "annotations");
  const namespaces = objectsAt(objectAt(config ?? {}, "linux"), "namespaces");
  return {
    args: textsAt(objectAt(config ?? {}, "process"), "args"),
    annotations: Object.fromEntries(
      Object.keys(annotations).map((name) => [name, textAt(annotations, name)]),
    ),
    asked: namespaces.map((one) => ({ type: textAt(one, "type"), path: textAt(one, "path") })),
  };
}
