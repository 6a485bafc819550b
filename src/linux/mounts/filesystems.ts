import type { Hints } from "../../agent/program.ts";
import type { Fd, StepResult } from "../../kernel/call.ts";
import {
  chdir,
  close,
  fchdir,
  fsconfigCreate,
  fsconfigFlag,
  fsconfigString,
  fsmount,
  fsopen,
  mkdirat,
  mountWithData,
  moveMount,
  openat2,
} from "../../kernel/calls.ts";
import {
  MOUNT_ATTR_RDONLY,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { fail } from "../../kernel/user-error.ts";
import { directoryInside, INSIDE, names } from "../inside.ts";
import { changeMount, type MountJob, openPlace } from "./mount-job.ts";

/** FSCONFIG_SET_STRING takes at most 255 bytes, mount(2) a page with all options. */
const LONGEST_OPTION = 255;
const LONGEST_DATA = 4095;

/** File systems of the kernel itself: only their mount is made read-only, not the file system. */
const KERNELS_OWN: ReadonlySet<string> = new Set(["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup2"]);

/** Mounts a new file system: proc, sysfs, tmpfs, devpts, mqueue, overlay, … Returns the mount. @throws UserError */
export function newMount(job: MountJob, type: string): StepResult {
  const { program, mount, options } = job;
  const data = completeData(job, type);
  if ([mount.source ?? "", ...data].some((option) => isLonger(valueIn(option), LONGEST_OPTION)))
    return mountWithLongOptions(job, type, data);
  const made = makeFilesystem(job, type, data);
  const place = openDirectory(job, type);
  copyUp(job, made);
  changeMount(program, made, { ...options, set: 0, clear: 0 });
  program.add(moveMount(made, place));
  program.add(close(place));
  return made;
}

/** A tmpfs gets the mode of the directory that it covers, as in runc: everybody can write to one on /tmp. */
function completeData({ options: { data }, path, destinations }: MountJob, type: string): readonly string[] {
  if (type !== "tmpfs" || data.some((option) => option.startsWith("mode="))) return data;
  const mode = destinations.modeOf(path);
  return mode === null ? data : [`mode=${mode.toString(8)}`, ...data];
}

function makeFilesystem(job: MountJob, type: string, data: readonly string[]): StepResult {
  const { program, mount, options } = job;
  const fs = program.add(fsopen(type));
  const { source = type } = mount;
  if (source !== "") program.add(fsconfigString(fs, "source", source));
  if ((options.set & MOUNT_ATTR_RDONLY) !== 0 && !KERNELS_OWN.has(type)) program.add(fsconfigFlag(fs, "ro"));
  configure(job, fs, data);
  program.add(fsconfigCreate(fs));
  const made = program.add(fsmount(fs, attributesOf(job, type)));
  program.add(close(fs));
  return made;
}

/** Copies the image's directory into a new tmpfs before it is mounted. */
function copyUp({ program, root, where, path, prepared: { copy } }: MountJob, made: StepResult): void {
  if (copy === undefined || copy.content.status === null) return;
  const from = program.add(openat2(root, path, O_PATH | O_DIRECTORY, INSIDE));
  copy.add({ program, from, to: made, where }, copy.content, copy.owners);
  program.add(close(from));
}

/** The initial attributes of a mount. A tmpfs becomes read-only later, when all mount points on it are made. */
function attributesOf({ options: { set } }: MountJob, type: string): number {
  return type === "tmpfs" ? set & ~MOUNT_ATTR_RDONLY : set;
}

/** Whether a mount becomes read-only only when the container's root is complete. */
export const isSealedLater = ({ options: { set }, mount: { type } }: MountJob) =>
  type === "tmpfs" && (set & MOUNT_ATTR_RDONLY) !== 0;

/** Gives a file system context its options. */
export function configure({ program }: MountJob, fs: Fd, data: readonly string[]): void {
  for (const option of data) {
    const equals = option.indexOf("=");
    if (equals < 0) program.add(fsconfigFlag(fs, option));
    else program.add(fsconfigString(fs, option.slice(0, equals), valueIn(option)), [], hintsFor(option));
  }
}

/** An owner must be an id of the user namespace that mounts. */
function hintsFor(option: string): Hints {
  const [name] = option.split("=", 1);
  if (name !== "uid" && name !== "gid") return {};
  return {
    EINVAL: `it must be a number that the user namespace maps (linux.${name}Mappings), or be left out`,
  };
}

const valueIn = (option: string) => option.slice(option.indexOf("=") + 1);

/** Whether a text takes more than so many bytes; each UTF-16 unit takes three at most. */
const isLonger = (text: string, bytes: number) =>
  text.length * 3 > bytes && new TextEncoder().encode(text).byteLength > bytes;

/**
 * mount(2), for options that are too long for fsconfig(2), such as the `lowerdir` of many layers. Its target is the
 * working directory, which was entered by descriptor, so that no path is walked.
 */
function mountWithLongOptions(job: MountJob, type: string, data: readonly string[]): StepResult {
  const { program, root, where, path, mount, options } = job;
  const all = data.join(",");
  if (isLonger(all, LONGEST_DATA))
    fail(`${where}.options`, `the file system's options are longer than ${LONGEST_DATA} bytes together`);
  const place = openDirectory(job, type);
  program.add(fchdir(place));
  program.add(close(place));
  program.add(mountWithData(mount.source ?? type, ".", type, all));
  program.add(chdir("/"));
  const made = program.add(openat2(root, path, O_PATH, INSIDE));
  changeMount(program, made, { ...options, set: attributesOf(job, type) });
  return made;
}

export const isPlain = (type: string | undefined) => type === "proc" || type === "sysfs";

function openDirectory(job: MountJob, type: string): StepResult {
  return isPlain(type) ? plainDirectory(job) : openPlace(job, true);
}

/**
 * proc and sysfs are mounted on real directories only: if /proc were a symlink, tsrun and the container would later
 * take files of the image for procfs (CVE-2019-16884, CVE-2023-27561).
 */
export function plainDirectory({ program, root, mount: { destination, type } }: MountJob): StepResult {
  const path = names(destination);
  const parent = directoryInside(program, root, path.slice(0, -1).join("/"));
  program.add(mkdirat(parent, path[path.length - 1] ?? ".", 0o755), [ERRNO.EEXIST]);
  program.add(close(parent));
  const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const words = `filesystem "${type}" must be mounted on ordinary directory`; // runc's
  const hints = { ELOOP: words, ENOTDIR: words };
  return program.add(openat2(root, path.join("/") || ".", O_PATH | O_DIRECTORY, resolve), [], hints);
}
