import type { Device } from "../../runtime-spec/config-linux.ts";
import type { Program } from "../agent/program.ts";
import type { Fd } from "../kernel/call.ts";
import {
  CWD,
  fchownat,
  mknodat,
  moveMount,
  openat2,
  openTree,
  symlinkat,
  unlinkat,
} from "../kernel/calls.ts";
import {
  AT_SYMLINK_NOFOLLOW,
  O_PATH,
  OPEN_TREE_CLONE,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFREG,
} from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { makeDevice } from "../kernel/structs.ts";
import { directoryInside, INSIDE, names } from "./inside.ts";

/** The devices that every container has (config-linux.md#default-devices), besides /dev/ptmx and /dev/console. */
export const DEFAULT_DEVICES: readonly Device[] = [
  ["/dev/null", 3],
  ["/dev/zero", 5],
  ["/dev/full", 7],
  ["/dev/random", 8],
  ["/dev/urandom", 9],
].map(([path, minor]) => ({
  path: String(path),
  type: "c",
  major: 1,
  minor: Number(minor),
  fileMode: 0o666,
}));

const TTY: Device = { path: "/dev/tty", type: "c", major: 5, minor: 0, fileMode: 0o666 };

const TYPES = { c: S_IFCHR, u: S_IFCHR, b: S_IFBLK, p: S_IFIFO } as const;

/** The symlinks that programs expect in /dev (config-linux.md#dev-symbolic-links). */
const SYMLINKS = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
] as const;

/** The default devices and those of `linux.devices`, which may change a default one's mode and owner. */
export function containerDevices(own: readonly Device[]): readonly { device: Device; where: string }[] {
  const chosen = new Map<string, { device: Device; where: string }>();
  for (const device of [...DEFAULT_DEVICES, TTY])
    chosen.set(device.path, { device, where: `default device ${device.path}` });
  for (const [index, device] of own.entries())
    chosen.set(device.path, { device, where: `config.json: linux.devices[${index}] (${device.path})` });
  return [...chosen.values()];
}

/**
 * Makes the device nodes below `root`. In a user namespace mknod(2) is not allowed: there the host's nodes are
 * bound instead. Expects umask 0.
 */
export function makeDevices(
  program: Program,
  root: Fd,
  own: readonly Device[],
  inUserNamespace: boolean,
): void {
  const parents = new Map<string, Fd>();
  for (const { device, where } of containerDevices(own)) {
    program.by(where);
    const parts = names(device.path);
    const parent = parts.slice(0, -1).join("/");
    const directory = parents.get(parent) ?? directoryInside(program, root, parent);
    parents.set(parent, directory);
    if (inUserNamespace) bindDevice(program, root, directory, device);
    else makeNode(program, directory, device);
  }
}

function makeNode(program: Program, directory: Fd, device: Device): void {
  const { type, major = 0, minor = 0, fileMode = 0o666, uid = 0, gid = 0 } = device;
  const name = names(device.path).at(-1) ?? "";
  // An image may bring its own node; tsrun leaves it and the device program of the cgroup judges its use.
  program.whenOk(
    mknodat(directory, name, TYPES[type] | (fileMode & 0o7777), makeDevice(major, minor)),
    [ERRNO.EEXIST],
    () => {
      if (uid !== 0 || gid !== 0) program.add(fchownat(directory, name, uid, gid, AT_SYMLINK_NOFOLLOW));
    },
  );
}

function bindDevice(program: Program, root: Fd, directory: Fd, device: Device): void {
  program.add(mknodat(directory, names(device.path).at(-1) ?? "", S_IFREG | 0o644, 0), [ERRNO.EEXIST]);
  const tree = program.add(openTree(CWD, device.path, OPEN_TREE_CLONE));
  program.add(moveMount(tree, program.add(openat2(root, names(device.path).join("/"), O_PATH, INSIDE))));
}

/** Makes the symlinks of /dev; what the image already has there stays, but /dev/ptmx always leads to its own devpts. */
export function makeDeviceLinks(program: Program, root: Fd, hostHasKcore: boolean): void {
  program.by("default symlinks in /dev");
  const dev = directoryInside(program, root, "dev");
  for (const [name, target] of SYMLINKS) program.add(symlinkat(target, dev, name), [ERRNO.EEXIST]);
  if (hostHasKcore) program.add(symlinkat("/proc/kcore", dev, "core"), [ERRNO.EEXIST]);
  program.add(unlinkat(dev, "ptmx", 0), [ERRNO.ENOENT]);
  program.add(symlinkat("pts/ptmx", dev, "ptmx"));
}
