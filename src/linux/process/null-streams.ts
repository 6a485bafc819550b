/**
 * Standard streams that are devices which every container has, such as /dev/null. The node behind them is the host's:
 * who owns it, as root does without any capability, could change its mode for all of the host. So each becomes the
 * container's own, or is opened anew where nothing but its content is in reach: through a mount that is read-only.
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
  statx,
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
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { attempt, here } from "../../kernel/here.ts";
import { type FileStatus, readStatx, STATX_SIZE } from "../../kernel/structs.ts";
import { defaultDevice } from "../devices/devices.ts";
import { INSIDE, openInside } from "../inside.ts";

const { EACCES, EBADF, EINVAL, ENOENT, EPERM } = ERRNO;

const STREAMS = [0, 1, 2] as const;
const FLAGS = O_RDWR | O_NOCTTY;

/** A standard stream of tsrun's that is a default device. */
interface HostDevice {
  readonly stream: number;
  readonly path: string;
  readonly status: FileStatus;
}

/**
 * For an init, in the container's root: the streams become its own devices, so that criu(8) can save it, too. Where it
 * `hasOwn` none, a volume decides what the path leads to: root would open what the process's user may not read.
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

/** For a container that is made: guards those of which it has none of its own. */
export function guardDevices(hasOwn: (path: string) => boolean): void {
  for (const host of hostDevices()) if (!hasOwn(host.path)) guard(host);
}

/** For a process that joins a container, with the init `pid`: its own devices, unless they are the host's there, too. */
export function takeDevicesOf(pid: number): void {
  const hosts = hostDevices();
  if (hosts.length === 0) return;
  // It fails for an ordinary user; without it, all are guarded.
  const root = attempt(openat(CWD, `/proc/${pid}/root`, O_PATH | O_DIRECTORY));
  for (const host of hosts) if (!takeOwn(root, host)) guard(host);
  if (root >= 0) here(close(root));
}

function takeOwn(root: number, { stream, path, status }: HostDevice): boolean {
  const own = openInside(root, path, O_PATH);
  if (own < 0) return false;
  const found = streamStatus(own);
  const isHosts = found?.inode === status.inode && `${found.device}` === `${status.device}`;
  const taken = found !== null && deviceOf(found) === path && !isHosts && openAs(stream, own);
  here(close(own));
  return taken;
}

/** An ordinary user can't, and need not: the devices are root's. */
function guard({ stream, path }: HostDevice): void {
  const copy = (directory: number, name: string) =>
    tried(openTree(directory, name, OPEN_TREE_CLONE | AT_EMPTY_PATH), [EPERM, EINVAL, ENOENT]);
  let tree = copy(stream, "");
  if (tree === -EINVAL) tree = copy(CWD, path); // it was opened in another mount namespace
  if (tree < 0) return;
  here(mountSetattr(tree, "", AT_EMPTY_PATH, { set: MOUNT_ATTR_RDONLY }));
  openAs(stream, tree);
  here(close(tree));
}

/** Makes what an O_PATH descriptor refers to a stream, open. Returns false where it is on a mount without devices. */
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

/** Null for a stream that the caller has closed. */
function streamStatus(fd: number): FileStatus | null {
  const bytes = new Uint8Array(STATX_SIZE);
  return tried(statx(fd, "", AT_EMPTY_PATH, bytes), [EBADF]) < 0 ? null : readStatx(bytes);
}

/** Performs a call that may fail with one of these errnos; returns its result, or the negative errno. */
function tried(call: Call, tolerate: readonly number[]): number {
  const result = attempt(call);
  if (result < 0 && !tolerate.includes(-result)) throw new SyscallError(call, -result);
  return result;
}
