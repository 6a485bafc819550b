/**
 * Standard streams that are devices which every container has, such as /dev/null. The node behind them is the host's,
 * and its owner, root, could change its mode for the whole host, even without capabilities. So each stream is replaced
 * by the container's own device, or reopened through a read-only mount, which allows I/O but no change of the node.
 */
import type { Caller } from "../../agent/caller.ts";
import type { Program } from "../../agent/program.ts";
import { type Call, SyscallError } from "../../kernel/call.ts";
import { CWD, close, dup3, fcntl, mountSetattr, openat, openat2, openTree } from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  F_DUPFD_CLOEXEC,
  FIRST_FD,
  MOUNT_ATTR_RDONLY,
  O_DIRECTORY,
  O_NOCTTY,
  O_PATH,
  O_RDWR,
  OPEN_TREE_CLONE,
  S_IFCHR,
  S_IFMT,
  STDERR_FILENO,
  STDOUT_FILENO,
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

const OUTPUTS = [STDOUT_FILENO, STDERR_FILENO] as const;

/** A standard stream of the caller's that is a default device. */
interface HostDevice {
  readonly stream: number;
  /** In tsrun. */
  readonly descriptor: number;
  readonly path: string;
  readonly status: FileStatus;
}

/**
 * For an init, in the container's root: replaces the streams by its own devices, which also lets criu(8) save it. Where
 * `hasOwn` says that a device is not its own, it is left: a volume decides what that path is, and the init, as root,
 * would open a file that the process's user may not read.
 */
export function reopenDevices(program: Program, caller: Caller, hasOwn: (path: string) => boolean): void {
  const hosts = hostDevices(caller).filter(({ path }) => hasOwn(path));
  for (const path of new Set(hosts.map((host) => host.path))) {
    program.by("standard streams");
    program.whenOk(openat2(CWD, path, FLAGS, INSIDE), "all", (own) => {
      for (const host of hosts) if (host.path === path) program.add(dup3(own, host.stream, 0));
      program.add(close(own));
    });
  }
}

/** Streams to take the place of the caller's in what is started next: of devices, and of all that `output` replaces. */
export class ReplacedStreams implements Disposable {
  private readonly caller: Caller;
  private readonly opened = new Map<number, number>();

  constructor(caller: Caller) {
    this.caller = caller;
  }

  /** For a new container: those for which it has no device of its own. */
  guard(hasOwn: (path: string) => boolean): this {
    this.takeOutput();
    for (const host of hostDevices(this.caller)) if (!hasOwn(host.path)) this.open(host, openGuarded);
    return this;
  }

  /** For a process that joins the container of the init `pid`: its devices, unless those are the host's nodes too. */
  takeFrom(pid: number): this {
    this.takeOutput();
    const hosts = hostDevices(this.caller);
    if (hosts.length === 0) return this;
    // This fails for an ordinary user; then all streams are reopened.
    const root = attempt(openat(CWD, `/proc/${pid}/root`, O_PATH | O_DIRECTORY));
    for (const host of hosts) {
      // In a user namespace the container's mount of the host's node is read-only, and tsrun may lack the right to make one.
      this.open(
        host,
        (one) => openOwn(root, one),
        openGuarded,
        (one) => openOwn(root, one, true),
      );
    }
    if (root >= 0) here(close(root));
    return this;
  }

  private takeOutput(): void {
    const { output } = this.caller;
    if (output === null) return;
    for (const stream of OUTPUTS) this.opened.set(stream, here(fcntl(output.fd, F_DUPFD_CLOEXEC, FIRST_FD)));
  }

  /** Opens a stream in the first way that works. */
  private open(host: HostDevice, ...ways: readonly ((host: HostDevice) => number)[]): void {
    for (const way of ways) {
      const fd = way(host);
      if (fd < 0) continue;
      const before = this.opened.get(host.stream);
      if (before !== undefined) here(close(before));
      this.opened.set(host.stream, fd);
      return;
    }
  }

  /** What is to be handed down to the process that is to have them. */
  get descriptors(): readonly number[] {
    return [...this.opened.values()];
  }

  /** Adds the steps of that process, which knows the descriptors by these numbers. */
  add(program: Program, passed: readonly number[]): void {
    for (const [index, stream] of [...this.opened.keys()].entries()) {
      const fd = passed[index] ?? -1;
      program.by("standard streams").add(dup3(fd, stream, 0));
      program.add(close(fd));
    }
  }

  [Symbol.dispose](): void {
    for (const fd of this.opened.values()) here(close(fd));
    this.opened.clear();
  }
}

/** Opens the container's own device; negative where it isn't what the stream is, or the host's node. */
function openOwn(root: number, { path, status }: HostDevice, evenHosts = false): number {
  const own = openInside(root, path, O_PATH);
  if (own < 0) return own;
  const found = streamStatus(own);
  const isHosts = found?.inode === status.inode && `${found.device}` === `${status.device}`;
  const isFit = found !== null && deviceOf(found) === path && (evenHosts || !isHosts);
  const fd = isFit ? reopened(own) : -ENOENT;
  here(close(own));
  return fd;
}

/** Opens it through a read-only mount. An ordinary user can't, and need not: the devices belong to root. */
function openGuarded({ descriptor, path }: HostDevice): number {
  const copy = (directory: number, name: string) =>
    tried(openTree(directory, name, OPEN_TREE_CLONE | AT_EMPTY_PATH), [EPERM, EINVAL, ENOENT]);
  let tree = copy(descriptor, "");
  if (tree === -EINVAL) tree = copy(CWD, path); // it was opened in another mount namespace
  if (tree < 0) return tree;
  here(mountSetattr(tree, "", AT_EMPTY_PATH, { set: MOUNT_ATTR_RDONLY }));
  const fd = reopened(tree);
  here(close(tree));
  return fd;
}

/** Opens what an O_PATH descriptor refers to; negative where that is on a mount without devices. */
const reopened = (place: number) => tried(openat(CWD, `/proc/self/fd/${place}`, FLAGS), [EACCES]);

function hostDevices({ streams }: Caller): readonly HostDevice[] {
  const found: HostDevice[] = []; // flatMap costs 0.1 ms at its first use
  for (const stream of STREAMS) {
    const descriptor = streams[stream];
    const status = streamStatus(descriptor);
    const path = status === null ? undefined : deviceOf(status);
    if (status !== null && path !== undefined) found.push({ stream, descriptor, path, status });
  }
  return found;
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
