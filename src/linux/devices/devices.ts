import type { Config, Mount } from "../../../runtime-spec/config.ts";
import type { Device } from "../../../runtime-spec/config-linux.ts";
import type { Program } from "../../agent/program.ts";
import type { Fd, StepResult } from "../../kernel/call.ts";
import {
  close,
  fchownat,
  mknodat,
  moveMount,
  openat2,
  statx,
  symlinkat,
  unlinkat,
} from "../../kernel/calls.ts";
import {
  AT_SYMLINK_NOFOLLOW,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { type FileStatus, makeDevice, readStatx, STATX_SIZE } from "../../kernel/structs.ts";
import { fail } from "../../kernel/user-error.ts";
import { directoryInside, names } from "../inside.ts";
import type { OpenOnHost } from "../mounts/mount-job.ts";
import { isBind } from "../mounts/mount-options.ts";
import { openDevice } from "./device-trees.ts";

/** The devices that every container has (config-linux.md#default-devices), besides /dev/ptmx and /dev/console. */
const DEFAULT_DEVICES: readonly Device[] = [
  { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o666 },
  { path: "/dev/zero", type: "c", major: 1, minor: 5, fileMode: 0o666 },
  { path: "/dev/full", type: "c", major: 1, minor: 7, fileMode: 0o666 },
  { path: "/dev/random", type: "c", major: 1, minor: 8, fileMode: 0o666 },
  { path: "/dev/urandom", type: "c", major: 1, minor: 9, fileMode: 0o666 },
];

const TTY: Device = { path: "/dev/tty", type: "c", major: 5, minor: 0, fileMode: 0o666 };

const TYPES = { c: S_IFCHR, u: S_IFCHR, b: S_IFBLK, p: S_IFIFO } as const;

/** The symlinks that programs expect in /dev (config-linux.md#dev-symbolic-links). */
const SYMLINKS = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
] as const;

/** The path of the default device with these numbers; undefined when there is none. */
export function defaultDevice([major, minor]: readonly [number, number]): string | undefined {
  return DEFAULT_DEVICES.find((device) => device.major === major && device.minor === minor)?.path;
}

/** A device to make, and the property that asks for it. */
interface Wanted {
  readonly device: Device;
  readonly where: string;
}

/** Always a link to the container's own devpts (config-linux.md#default-devices), also where a config lists the host's. */
const PTMX = "dev/ptmx";

/** The default devices and those of `linux.devices`, which may change a default one's mode and owner. */
export function containerDevices(own: readonly Device[]): readonly Wanted[] {
  const chosen = new Map<string, Wanted>();
  for (const device of [...DEFAULT_DEVICES, TTY])
    chosen.set(device.path, { device, where: `default device ${device.path}` });
  for (const [index, device] of own.entries())
    if (names(device.path).join("/") !== PTMX)
      chosen.set(device.path, { device, where: `linux.devices[${index}] (${device.path})` });
  return [...chosen.values()];
}

/** Paths of devices that are mounts of the config instead, such as the host's /dev/urandom on /dev/random. */
function takenPlaces(mounts: readonly Mount[]): ReadonlySet<string> {
  const taken = new Set<string>();
  for (const { destination } of mounts) {
    const place = names(destination).join("/");
    if (place === "dev") taken.clear();
    else if (place.startsWith("dev/")) taken.add(place);
  }
  return taken;
}

/** Whether devices are made in /dev: not if the config binds a directory there. */
export const makesDevices = ({ mounts = [] }: Config) =>
  !mounts.some((mount) => names(mount.destination).join("/") === "dev" && isBind(mount));

/** Tells of paths whether a default device is made there, and no mount of the config is in its place. */
export function ownDevices(config: Config): (path: string) => boolean {
  let taken: ReadonlySet<string> | null | undefined; // computed for the first path
  return (path) => {
    if (taken === undefined) taken = makesDevices(config) ? takenPlaces(config.mounts ?? []) : null;
    return taken !== null && !taken.has(names(path).join("/"));
  };
}

/**
 * Makes the device nodes below `root`, except where one of `mounts` is. In a user namespace mknod(2) can make only
 * FIFOs: there, nodes that `openOnHost` opens or makes are bound. Expects umask 0.
 */
export function makeDevices(
  program: Program,
  root: Fd,
  { mounts = [], linux = {} }: Config,
  openOnHost: OpenOnHost | null,
): void {
  let [opened, directory]: [path: string | null, directory: Fd] = [null, root];
  const taken = takenPlaces(mounts);
  for (const { device, where } of containerDevices(linux.devices ?? [])) {
    const parts = names(device.path);
    if (taken.has(parts.join("/"))) continue;
    program.by(`config.json: ${where}`);
    const parent = parts.slice(0, -1).join("/");
    if (opened !== parent) {
      if (opened !== null) program.add(close(directory));
      [opened, directory] = [parent, directoryInside(program, root, parent)];
    }
    if (openOnHost !== null && device.type !== "p")
      bindDevice(
        program,
        directory,
        device,
        openOnHost((host) => openDevice(host, device, linux)),
      );
    else makeNode(program, directory, { device, where });
  }
  if (opened !== null) program.add(close(directory));
}

function lastName(path: string): string {
  const all = names(path);
  return all[all.length - 1] ?? "";
}

function makeNode(program: Program, directory: Fd, { device, where }: Wanted): void {
  const { type, major = 0, minor = 0, fileMode = 0o666, uid = 0, gid = 0 } = device;
  const name = lastName(device.path);
  const node = mknodat(directory, name, TYPES[type] | (fileMode & 0o7777), makeDevice(major, minor));
  let found: StepResult = { step: 0 };
  const look = () => {
    found = program.add(statx(directory, name, AT_SYMLINK_NOFOLLOW, { room: STATX_SIZE }));
  };
  let made: StepResult;
  if (uid === 0 && gid === 0) made = program.orElse(node, [ERRNO.EEXIST], look);
  else {
    made = program.whenOk(node, [ERRNO.EEXIST], () => {
      program.add(fchownat(directory, name, uid, gid, AT_SYMLINK_NOFOLLOW));
    });
    look();
  }
  program.afterwards((results) => {
    if (results.result(made) < 0) expectNode(readStatx(results.filled(found)), device, where);
  });
}

/**
 * The node may already be there, from the image or an earlier container on this rootfs; anything else at its path is an
 * error, as the spec says. @throws UserError
 */
function expectNode({ mode, deviceType }: FileStatus, device: Device, where: string): void {
  const { type, path, major = 0, minor = 0 } = device;
  const sameType = (mode & S_IFMT) === TYPES[type];
  if (sameType && (type === "p" || (deviceType[0] === major && deviceType[1] === minor))) return;
  const hint = path.startsWith("/dev/") ? "; a tmpfs on /dev would hide it" : "";
  fail(where, `something other than this device is at ${path} already${hint}`);
}

function bindDevice(program: Program, directory: Fd, { path }: Device, tree: Fd): void {
  const name = lastName(path);
  program.add(mknodat(directory, name, S_IFREG | 0o644, 0), [ERRNO.EEXIST]);
  const place = program.add(openat2(directory, name, O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
  program.add(moveMount(tree, place));
  program.add(close(tree));
  program.add(close(place));
}

/** Makes the symlinks of /dev. Files of the image stay, but /dev/ptmx always leads to the container's own devpts. */
export function makeDeviceLinks(program: Program, root: Fd, hostHasKcore: boolean): void {
  program.by("default symlinks in /dev");
  const dev = directoryInside(program, root, "dev");
  for (const [name, target] of SYMLINKS) program.add(symlinkat(target, dev, name), [ERRNO.EEXIST]);
  if (hostHasKcore) program.add(symlinkat("/proc/kcore", dev, "core"), [ERRNO.EEXIST]);
  program.add(unlinkat(dev, "ptmx", 0), [ERRNO.ENOENT]);
  program.add(symlinkat("pts/ptmx", dev, "ptmx"));
  program.add(close(dev));
}
