/**
 * Standard streams that are devices which every container has, such as /dev/null. The node behind them is the host's,
 * and its owner, root, could change its mode for the whole host, even without capabilities. So each stream is replaced
 * by the container's own device, or reopened through a read-only mount, which allows I/O but no change of the node.
 */
import type { Program } from "../../agent/program.ts";
import { type Call, SyscallError } from "../../kernel/call.ts";
import {
  CWD,
  close,
  dup3,
  mountSetattr,
  openat,
  openat2,
  openatInherited,
  openTree,
} from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  MOUNT_ATTR_RDONLY,
  O_DIRECTORY,
  O_NOCTTY,
  O_PATH,
  O_RDWR,
  OPEN_TREE_CLONE,
  S_IFCHR,
  S_IFMT,
  STREAMS,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { attempt, here } from "../../kernel/here.ts";
import type { FileStatus } from "../../kernel/structs.ts";
import { defaultDevice } from "../devices/devices.ts";
import { INSIDE, openInside } from "../inside.ts";
import { streamStatus } from "./streams.ts";

const { EACCES, EINVAL, ENOENT, EPERM } = ERRNO;

const FLAGS = O_RDWR | O_NOCTTY;

/** A standard stream of tsrun's that is a default device. */
interface HostDevice {
  readonly stream: number;
  readonly path: string;
  readonly status: FileStatus;
}

/**
 * For an init, in the container's root: replaces the streams by its own devices, which also lets criu(8) save it. Where
 * `hasOwn` says that a device is not its own, it is left: a volume decides what that path is, and the init, as root,
 * would open a file that the process's user may not read.
 */
export function reopenDevices(program: Program, hasOwn: (path: string) => boolean): void {
  const hosts = hostDevices().filter(({ path }) => hasOwn(path));
  for (const path of new Set(hosts.map((host) => host.path))) {
    program.by("standard streams");
    program.whenOk(openat2(CWD, path, FLAGS, INSIDE), "all", (own) => {
      for (const host of hosts) if (host.path === path) program.add(dup3(own, host.stream, 0));
      program.add(close(own));
    });
  }
}

/** For a new container: reopens the streams for which it has no device of its own. */
export function guardDevices(hasOwn: (path: string) => boolean): void {
  for (const host of hostDevices()) if (!hasOwn(host.path)) guard(host);
}

/** For a process that joins the container of the init `pid`: its devices, unless those are the host's nodes too. */
export function takeDevicesOf(pid: number): void {
  const hosts = hostDevices();
  if (hosts.length === 0) return;
  // This fails for an ordinary user; then all streams are reopened.
  const root = attempt(openat(CWD, `/proc/${pid}/root`, O_PATH | O_DIRECTORY));
  for (const host of hosts) {
    const isSafe = takeOwn(root, host) || guard(host);
    // In a user namespace the container's mount of the host's node is read-only, and tsrun may lack the right to make one.
    if (!isSafe) takeOwn(root, host, true);
  }
  if (root >= 0) here(close(root));
}

function takeOwn(root: number, { stream, path, status }: HostDevice, evenHosts = false): boolean {
  const own = openInside(root, path, O_PATH);
  if (own < 0) return false;
  const found = streamStatus(own);
  const isHosts = found?.inode === status.inode && `${found.device}` === `${status.device}`;
  const isFit = found !== null && deviceOf(found) === path && (evenHosts || !isHosts);
  const taken = isFit && openAs(stream, own);
  here(close(own));
  return taken;
}

/** An ordinary user can't do this, and need not: the devices belong to root. Returns whether it is done. */
function guard({ stream, path }: HostDevice): boolean {
  const copy = (directory: number, name: string) =>
    tried(openTree(directory, name, OPEN_TREE_CLONE | AT_EMPTY_PATH), [EPERM, EINVAL, ENOENT]);
  let tree = copy(stream, "");
  if (tree === -EINVAL) tree = copy(CWD, path); // it was opened in another mount namespace
  if (tree < 0) return false;
  here(mountSetattr(tree, "", AT_EMPTY_PATH, { set: MOUNT_ATTR_RDONLY }));
  const done = openAs(stream, tree);
  here(close(tree));
  return done;
}

/** Opens what an O_PATH descriptor refers to as a stream. Returns false where it is on a mount without devices. */
function openAs(stream: number, place: number): boolean {
  const fd = tried(openatInherited(CWD, `/proc/self/fd/${place}`, FLAGS), [EACCES]);
  if (fd < 0) return false;
  here(dup3(fd, stream, 0));
  here(close(fd));
  return true;
}

function hostDevices(): readonly HostDevice[] {
  return STREAMS.flatMap((stream) => {
    const status = streamStatus(stream);
    const path = status === null ? undefined : deviceOf(status);
    return status === null || path === undefined ? [] : [{ stream, path, status }];
  });
}

function deviceOf({ mode, deviceType }: FileStatus): string | undefined {
  return (mode & S_IFMT) === S_IFCHR ? defaultDevice(deviceType) : undefined;
}

/** Performs a call that may fail with one of these errnos; returns its result, or the negative errno. */
function tried(call: Call, tolerate: readonly number[]): number {
  const result = attempt(call);
  if (result < 0 && !tolerate.includes(-result)) throw new SyscallError(call, -result);
  return result;
}
