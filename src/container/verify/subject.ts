/**
 * The process that is looked at. It may be hostile: it and its container change while they are looked at.
 *
 * - /proc/PID is opened once. That descriptor never means another process, even if the pid is reused: all that is asked
 *   of the process is asked below it.
 * - Its root directory is opened once. Paths of the container are resolved in there (openat2(2), RESOLVE_IN_ROOT), and
 *   what is found is asked by its descriptor.
 * - No more is read than `MOST` bytes, however much the container makes of it.
 */
import type { Resources } from "../../../runtime-spec/config-linux.ts";
import type { Caller } from "../../agent/caller.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { AT_EMPTY_PATH, O_DIRECTORY, O_PATH } from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { isErrno, readText, status } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { Opened } from "../../kernel/opened.ts";
import type { FileStatus } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";
import { openInside } from "../../linux/inside.ts";
import { type MountEntry, mountsIn } from "../../linux/mounts/mount-table.ts";
import type { Bundle } from "../bundle.ts";
import { AGENT_NAME } from "../init/parked.ts";
import { hasEnded, processIn, statusField } from "../state/process-info.ts";
import type { Saved } from "../state/saved.ts";
import { IdMap } from "./id-map.ts";

/** The longest text of the kernel's that a container has a say in: 100,000 mounts (fs.mount-max) with ordinary paths. */
const MOST = 16 * 2 ** 20;

/** The names of processes that are yet to become containers' programs: tsrun's, runc's, crun's and youki's. */
const STARTERS = new RegExp(`^(${AGENT_NAME}$|runc:\\[|crun$|youki:)`);

/** Which process is looked at, and by which bundle. */
export interface Target {
  readonly pid: number;
  /** How messages call it: `container web`, `--pid 123`. */
  readonly name: string;
  readonly bundle: Bundle;
  /** What tsrun has saved of a container of its own, and the limits of later updates; null for other runtimes'. */
  readonly own: OwnRecord | null;
  /** Whether it may wait for its program: its mounts are there by then, its user and limits are not. */
  readonly mayWait?: true;
}

interface OwnRecord {
  readonly saved: Saved;
  /** In clock ticks; see ProcessInfo. */
  readonly startTime: number;
  readonly resources: Resources;
}

/** What is at a path of the container. */
export interface Place {
  readonly status: FileStatus;
  /** The mount that it is on; null for one that the process does not see. */
  readonly mount: MountEntry | null;
}

export class Subject implements Disposable {
  readonly caller: Caller;
  readonly target: Target;
  readonly bundle: Bundle;
  readonly pid: number;
  /** /proc/PID */
  readonly proc: number;
  /** Its file `status`. */
  readonly status: string;
  readonly mounts: readonly MountEntry[];
  readonly uids: IdMap;
  readonly gids: IdMap;
  private readonly root: number;
  private readonly opened: Opened;

  /** @throws UserError when there is no such process, or the caller may not look into it */
  constructor(caller: Caller, target: Target) {
    this.caller = caller;
    this.target = target;
    this.bundle = target.bundle;
    this.pid = target.pid;
    using opened = new Opened();
    try {
      this.proc = kept(opened, here(openat(CWD, `/proc/${target.pid}`, O_PATH | O_DIRECTORY)));
      this.status = this.read("status");
      this.refuseOthers();
      this.root = kept(opened, here(openat(this.proc, "root", O_PATH | O_DIRECTORY)));
      this.mounts = mountsIn(this.read("mountinfo"));
      this.uids = new IdMap(this.read("uid_map"));
      this.gids = new IdMap(this.read("gid_map"));
    } catch (error) {
      throw error instanceof SyscallError ? whyClosed(target, error) : error;
    }
    this.opened = opened.move();
  }

  /** A file in /proc/PID. @throws SyscallError */
  read(name: string): string {
    return readText(name, this.proc, MOST);
  }

  /** The value of a field of its file `status`. */
  field(name: string): string {
    return statusField(this.status, name);
  }

  /** What is at a path of the container; null when nothing is. @throws SyscallError */
  at(path: string, flags = 0): Place | null {
    return this.open(path, flags, (fd) => this.placeOf(fd));
  }

  /** Does something with a descriptor (O_PATH and `flags`) of a path of the container; null when nothing is there. */
  open<T>(path: string, flags: number, use: (fd: number) => T): T | null {
    const fd = openInside(this.root, path, O_PATH | flags);
    if (fd === -ERRNO.ENOENT || fd === -ERRNO.ENOTDIR) return null;
    if (fd < 0) throw new SyscallError({ name: "openat2", args: [path] }, -fd);
    try {
      return use(fd);
    } finally {
      here(close(fd));
    }
  }

  /** What an opened file of the container is. */
  placeOf(fd: number): Place {
    const found = status("", AT_EMPTY_PATH, fd);
    return { status: found, mount: this.mounts.find(({ id }) => id === `${found.mount}`) ?? null };
  }

  /** Its current directory, or its root. @throws SyscallError */
  statusOf(link: "cwd" | "root"): FileStatus {
    return status(link, 0, this.proc);
  }

  /** Whether it hasn't ended. @throws SyscallError */
  get lives(): boolean {
    try {
      return !hasEnded(processIn(this.read("stat")));
    } catch (error) {
      if (isErrno(error, ERRNO.ESRCH, ERRNO.ENOENT)) return false;
      throw error;
    }
  }

  /** @throws UserError when it is another process than the container's, a thread, or has ended */
  private refuseOthers(): void {
    const { pid, name, own } = this.target;
    const process = processIn(this.read("stat"));
    if (hasEnded(process) || (own !== null && process.startTime !== own.startTime)) throw ended(name);
    if (this.field("Tgid") !== String(pid))
      throw new UserError(name, `is a thread of the process ${this.field("Tgid")}: give that pid`);
    if (!this.target.mayWait && STARTERS.test(process.name))
      throw new UserError(name, "has not executed its program yet: start the container, or wait a moment");
    if (this.field("Kthread") === "1")
      throw new UserError(name, "is a thread of the kernel, not a container");
  }

  [Symbol.dispose](): void {
    this.opened[Symbol.dispose]();
  }
}

function kept(opened: Opened, fd: number): number {
  opened.defer(() => attempt(close(fd)));
  return fd;
}

export const ended = (name: string) => new UserError(name, "the process has ended");

function whyClosed({ name, pid }: Target, error: SyscallError): UserError {
  const { errno } = error;
  if (errno === ERRNO.ENOENT && error.call.args.includes(`/proc/${pid}`))
    return new UserError(name, "there is no such process");
  if (errno === ERRNO.ENOENT || errno === ERRNO.ESRCH) return ended(name);
  if (errno === ERRNO.EACCES || errno === ERRNO.EPERM)
    return new UserError(
      name,
      `cannot look into process ${pid}: ${errnoWords(errno)}: this needs root, or the process's own user (ptrace(2))`,
    );
  return new UserError(name, error.message);
}
