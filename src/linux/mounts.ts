import type { Mount } from "../../runtime-spec/config.ts";
import type { Program } from "../agent/program.ts";
import type { Fd, StepResult } from "../kernel/call.ts";
import {
  CWD,
  fsconfigCreate,
  fsconfigFlag,
  fsconfigString,
  fsmount,
  fsopen,
  mkdirat,
  mountSetattr,
  moveMount,
  openat2,
  openTree,
} from "../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLONE,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IFDIR,
  S_IFMT,
} from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { statusIfThere } from "../kernel/files.ts";
import { fail } from "./config-error.ts";
import { Destinations } from "./destination.ts";
import { directoryInside, fileInside, INSIDE, names } from "./inside.ts";
import { type MountOptions, readMountOptions } from "./mount-options.ts";
import { isAbsolute, join } from "./paths.ts";

/** FSCONFIG_SET_STRING takes at most 255 bytes. */
const LONGEST_OPTION = 255;

/** What mounts need to know of their container. */
export interface MountContext {
  readonly bundle: string;
  readonly rootfs: string;
  /** The container's cgroup directory on the host; null when it has none. */
  readonly cgroup: string | null;
  readonly newCgroupNamespace: boolean;
}

/** Adds the steps that make `mounts`, in their order, below `root`. @throws ConfigError */
export function addMounts(program: Program, root: Fd, mounts: readonly Mount[], context: MountContext): void {
  using destinations = new Destinations(context.rootfs);
  for (const [index, mount] of mounts.entries()) {
    const where = `mounts[${index}]`;
    program.by(`config.json: ${where} (${mount.type ?? "bind"} on ${mount.destination})`);
    const destination = destinations.resolve(where, mount);
    addMount(program, root, where, isPlain(mount) ? mount : { ...mount, destination }, context);
    program.ready();
  }
}

function addMount(program: Program, root: Fd, where: string, mount: Mount, context: MountContext): void {
  const options = readMountOptions(mount.options ?? []);
  if (options.idmap !== null || mount.uidMappings !== undefined || mount.gidMappings !== undefined)
    fail(where, "id-mapped mounts are not supported yet");
  if (options.copyUp) fail(`${where}.options`, "tmpcopyup is not supported yet");
  if (options.remount) changeMount(program, openMounted(program, root, mount), options);
  else if (options.bind !== null || mount.type === "bind")
    bindMount(program, root, mount, options, hostSource(where, mount, context));
  else if (mount.type === "cgroup" || mount.type === "cgroup2")
    mountCgroup(program, root, where, mount, options, context);
  else if (mount.type === undefined || mount.type === "" || mount.type === "none")
    fail(`${where}.type`, "a mount without type needs the option bind or rbind");
  else newMount(program, root, where, mount, options, mount.type);
}

/** What a bind mount shows: a path on the host, and whether a directory is there. */
interface HostSource {
  readonly path: string;
  readonly isDirectory: boolean;
}

function hostSource(where: string, { source }: Mount, { bundle }: MountContext): HostSource {
  if (source === undefined || source === "") return fail(`${where}.source`, "a bind mount needs a source");
  const path = isAbsolute(source) ? source : join(bundle, source);
  const status = statusIfThere(path);
  if (status === null) return fail(`${where}.source`, `${path} does not exist`);
  return { path, isDirectory: (status.mode & S_IFMT) === S_IFDIR };
}

/** Binds a file or directory of the host (or, through a symlink, what it points to). */
function bindMount(
  program: Program,
  root: Fd,
  mount: Mount,
  options: MountOptions,
  { path, isDirectory }: HostSource,
): void {
  const recursive = options.bind === "bind" ? 0 : AT_RECURSIVE;
  const tree = program.add(openTree(CWD, path, OPEN_TREE_CLONE | recursive));
  const open = isDirectory ? directoryInside : fileInside;
  const target = open(program, root, mount.destination);
  changeMount(program, tree, options);
  program.add(moveMount(tree, target));
}

/** Mounts a new file system: proc, sysfs, tmpfs, devpts, mqueue, overlay, … */
function newMount(
  program: Program,
  root: Fd,
  where: string,
  mount: Mount,
  options: MountOptions,
  type: string,
): void {
  const made = makeFilesystem(program, where, type, mount.source ?? type, options);
  const target = isPlain(mount)
    ? plainDirectory(program, root, mount.destination)
    : directoryInside(program, root, mount.destination);
  const { propagation, recursiveSet, recursiveClear } = options;
  changeMount(program, made, { ...options, set: 0, clear: 0, propagation, recursiveSet, recursiveClear });
  program.add(moveMount(made, target));
}

function makeFilesystem(
  program: Program,
  where: string,
  type: string,
  source: string,
  options: MountOptions,
): StepResult {
  const fs = program.add(fsopen(type));
  if (source !== "") program.add(fsconfigString(fs, "source", source));
  for (const option of options.data) {
    const equals = option.indexOf("=");
    if (option.length - equals > LONGEST_OPTION)
      fail(
        `${where}.options`,
        `the value of ${option.slice(0, equals)} is longer than ${LONGEST_OPTION} bytes`,
      );
    program.add(
      equals < 0
        ? fsconfigFlag(fs, option)
        : fsconfigString(fs, option.slice(0, equals), option.slice(equals + 1)),
    );
  }
  program.add(fsconfigCreate(fs));
  return program.add(fsmount(fs, options.set));
}

const isPlain = ({ type }: Mount) => type === "proc" || type === "sysfs";

/**
 * proc and sysfs only go on real directories: were /proc a symlink, what tsrun and the container later take for
 * procfs would be the image's files (CVE-2019-16884, CVE-2023-27561).
 */
function plainDirectory(program: Program, root: Fd, path: string): StepResult {
  const inside = names(path).join("/");
  const parent = names(path).slice(0, -1).join("/");
  const at = parent === "" ? root : directoryInside(program, root, parent);
  program.add(mkdirat(at, names(path).at(-1) ?? ".", 0o755), [ERRNO.EEXIST]);
  return program.add(
    openat2(root, inside === "" ? "." : inside, O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS),
  );
}

/** cgroup v2: a view of its own in a new cgroup namespace, else the container's directory, read-only when asked. */
function mountCgroup(
  program: Program,
  root: Fd,
  where: string,
  mount: Mount,
  options: MountOptions,
  context: MountContext,
): void {
  if (context.newCgroupNamespace) {
    // The options that v1 knows (`name=`, controllers) mean nothing here; nsdelegate and others are the host's.
    newMount(program, root, where, { ...mount, source: "cgroup2" }, { ...options, data: [] }, "cgroup2");
  } else if (context.cgroup === null) fail(where, "there is no cgroup to mount");
  else {
    const source = { path: context.cgroup, isDirectory: true };
    bindMount(program, root, mount, { ...options, bind: "bind", data: [] }, source);
  }
}

function openMounted(program: Program, root: Fd, { destination }: Mount): StepResult {
  return program.add(openat2(root, names(destination).join("/") || ".", O_PATH, INSIDE));
}

/** Applies attributes and propagation to the mount `mount`, and the recursive ones to all below it too. */
function changeMount(program: Program, mount: Fd, options: MountOptions): void {
  const { set, clear, recursiveSet, recursiveClear } = options;
  // Clearing alone changes nothing: `rw` and `exec` are what a bind mount inherits, or what the host locked.
  if (set !== 0) program.add(mountSetattr(mount, "", AT_EMPTY_PATH, { set, clear }));
  if (recursiveSet !== 0 || recursiveClear !== 0)
    program.add(
      mountSetattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, { set: recursiveSet, clear: recursiveClear }),
    );
  for (const { type, recursive } of options.propagation)
    program.add(
      mountSetattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), { propagation: type }),
    );
}
