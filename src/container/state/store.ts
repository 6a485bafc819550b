import type { Config, Hooks } from "../../../runtime-spec/config.ts";
import { parseJson } from "../../../runtime-spec/json.ts";
import type { Caller } from "../../agent/caller.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, flock, openat, umount2, unlinkat } from "../../kernel/calls.ts";
import {
  AT_REMOVEDIR,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  MNT_DETACH,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import {
  type DirectoryEntry,
  isErrno,
  listDirectory,
  makeDirectories,
  makeDirectory,
  readTextIfThere,
  removeDirectory,
  removeFile,
  replaceFile,
  statusIfThere,
} from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import { until } from "../../kernel/wait.ts";
import type { ResctrlGroups } from "../../linux/resctrl.ts";
import { inState, stateFailure } from "./state-failure.ts";

/** How long a command waits for another one that works on the same container, in milliseconds. */
const LOCK_PATIENCE = 10_000;

/** Names of the files in a container's directory. */
export const STATE_FILE = "state.json";
export const CONFIG_FILE = "config.json";
export const MAILBOX_FILE = "mailbox";

/** The directory in it on which the rootfs is mounted during `restore`. */
export const CRIU_ROOT = "criu-root";

/** What tsrun remembers of a container, in `ROOT/ID/state.json`. */
export interface Saved {
  readonly ociVersion: string;
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339, UTC. */
  readonly created: string;
  /** uid of the user who made it. */
  readonly owner: number;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Null until its path is known. */
  readonly cgroup: SavedCgroup | null;
  /** Its groups in resctrl, when it has any. */
  readonly resctrl?: ResctrlGroups;
  /** The name of its session keyring; null when it keeps the caller's. */
  readonly keyring: string | null;
  /**
   * The mount that covers the rootfs, if the container's mounts are made in the caller's mount namespace; then the
   * mounts of other containers below it, from the top down.
   */
  readonly sharedRoots?: readonly number[];
  /** How many mounts, the last ones of its config, were added while it ran; undefined while nothing has changed them. */
  readonly addedMounts?: number;
  /** The init process; null until it exists. */
  readonly init: SavedInit | null;
  /** The init's status (wait(2)), when tsrun has waited for its end and the container was to stay. */
  readonly ended?: number;
  /** The pid of the init while the hooks of `create` run. */
  readonly creatingPid?: number;
  /** The standard streams that its process was started with (streams.ts), whatever it has opened since. */
  readonly streams: readonly string[];
  /** The file of its process's output, when it was given one. */
  readonly output?: string;
  /** The hooks that come after `create`, when there are any. */
  readonly hooks?: LaterHooks;
}

/** A container that has, or had, an init. */
export type Living = Saved & { readonly init: SavedInit };

export type LaterHooks = Pick<Hooks, "startContainer" | "poststart" | "poststop">;

/** A container's cgroup directory, and the mount of cgroup v2 that it is in. */
export interface SavedCgroup {
  readonly mount: string;
  readonly path: string;
  /** The unit that the cgroup belongs to, when systemd has made it. */
  readonly unit?: SavedUnit;
}

export interface SavedUnit {
  readonly name: string;
  readonly slice: string;
  /** Which systemd manages it: the system's or the user's. */
  readonly manager: "system" | "user";
}

export interface SavedInit {
  readonly pid: number;
  readonly startTime: number;
  /** The steps of the parked agent that execute the container's program, and the executable they name. */
  readonly first: number;
  readonly end: number;
  readonly executable: string;
  /** Whether the init is PID 1 of a new pid namespace, so that the kernel ends all others with it. */
  readonly ownsPidNamespace: boolean;
  /** The container's user namespace: that of tsrun unless it has one of its own. */
  readonly userNamespace?: string;
}

/** The saved state cannot be read any more, for example because the file system lost it in a crash. */
export class DamagedState extends UserError {
  constructor({ id, path }: StateDirectory) {
    super(
      `container ${id}`,
      `${path}/${STATE_FILE} is damaged: \`tsrun delete --force ${id}\` removes it; what may still run of the container is for you to end`,
    );
  }
}

/** A parsed state, if `StateDirectory.write` has written it; null when anything else has, or another version. */
export function savedFrom(parsed: unknown): Saved | null {
  const { id, cgroup, init } = Object(parsed);
  return typeof id === "string" && cgroup !== undefined && init !== undefined ? (parsed as Saved) : null; // as written
}

function savedIn(text: string): Saved | null {
  try {
    return savedFrom(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * A container's directory, opened. While it is locked, no other command changes the container, neither in this process
 * nor in another. Disposing of it gives the lock back.
 */
export class StateDirectory implements Disposable {
  readonly id: string;
  readonly path: string;
  readonly fd: number;
  /** Who acts on the container. */
  readonly caller: Caller;
  private known: Config | null = null;

  constructor(id: string, path: string, fd: number, caller: Caller) {
    this.caller = caller;
    this.id = id;
    this.path = path;
    this.fd = fd;
  }

  /** Reads what is saved; null when there is nothing yet (its creator was killed early). @throws DamagedState */
  read(): Saved | null {
    const text = inState(this.path, () => readTextIfThere(STATE_FILE, this.fd));
    if (text === null) return null;
    const saved = savedIn(text);
    if (saved === null) throw new DamagedState(this);
    return saved;
  }

  write(saved: Saved): void {
    inState(this.path, () => replaceFile(STATE_FILE, JSON.stringify(saved), 0o600, this.fd));
  }

  /** The configuration that the container was made with, and the limits of later updates; read once. */
  config(): Config {
    this.known ??= this.readConfig();
    return this.known;
  }

  private readConfig(): Config {
    const text = readTextIfThere(CONFIG_FILE, this.fd);
    if (text === null) throw new UserError(`container ${this.id}`, `${this.path}/${CONFIG_FILE} is missing`);
    return parseJson(text, `${this.path}/${CONFIG_FILE}`) as Config; // validated when the container was made
  }

  /** Whether it is still the directory of the container with this id: a later container has another one. */
  private get isCurrent(): boolean {
    return statusIfThere(this.path)?.inode === statusIfThere(".", 0, this.fd)?.inode;
  }

  /** Takes the container's lock. @throws UserError when another command keeps it too long, or has deleted the container */
  async lock(): Promise<void> {
    if (!(await this.lockIfCurrent()))
      throw new UserError(`container ${this.id} does not exist: it was deleted meanwhile`);
  }

  /** The same; false when another command has deleted the container. @throws UserError when it is kept too long */
  async lockIfCurrent(): Promise<boolean> {
    const locks = () => tryLock(this.fd, LOCK_EX);
    if (!(locks() || (await until(locks, LOCK_PATIENCE))))
      throw new UserError(`container ${this.id} is in use by another command for more than 10 s`);
    return this.isCurrent;
  }

  /** Gives the lock back, so that others may act on the container. */
  unlock(): void {
    here(flock(this.fd, LOCK_UN));
  }

  /** Whether some command holds the lock at this moment. */
  get busy(): boolean {
    const fd = here(openat(this.fd, ".", O_RDONLY | O_DIRECTORY));
    try {
      if (!tryLock(fd, LOCK_SH)) return true;
      here(flock(fd, LOCK_UN));
      return false;
    } finally {
      here(close(fd));
    }
  }

  /** Removes the directory with all that is in it, and what a `kill` that needs no lock notes meanwhile. */
  remove(): void {
    for (;;) {
      this.empty(this.fd);
      try {
        removeDirectory(this.path);
        return;
      } catch (error) {
        if (!isErrno(error, ERRNO.ENOTEMPTY)) throw error;
      }
    }
  }

  private empty(directory: number): void {
    for (const { name, isDirectory } of listDirectory(".", directory) ?? []) {
      if (!isDirectory) removeFile(name, directory);
      else {
        // A restore that was interrupted may have left the rootfs mounted here: its files must not be touched.
        if (directory === this.fd && name === CRIU_ROOT) unmountRoot(`${this.path}/${name}`);
        else this.emptyBelow(directory, name);
        removeDirectory(name, directory);
      }
    }
  }

  /** A container's user may change what is in `notify` meanwhile: no link is followed. */
  private emptyBelow(parent: number, name: string): void {
    const fd = attempt(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (fd < 0) {
      removeFile(name, parent);
      return;
    }
    try {
      this.empty(fd);
    } finally {
      here(close(fd));
    }
  }

  [Symbol.dispose](): void {
    here(close(this.fd));
  }
}

/** Unmounts what a restore has mounted for criu, layer by layer, until EINVAL says that none is left. */
export function unmountRoot(path: string): void {
  while (attempt(umount2(path, MNT_DETACH)) >= 0);
}

/** Takes a lock; false when another command has it. @throws SyscallError */
function tryLock(fd: number, kind: number): boolean {
  const call = flock(fd, kind | LOCK_NB);
  const result = attempt(call);
  if (result < 0 && result !== -ERRNO.EAGAIN) throw new SyscallError(call, -result);
  return result >= 0;
}

/** The containers below one `--root`. */
export class Store {
  readonly root: string;
  readonly caller: Caller;

  constructor(root: string, caller: Caller) {
    this.caller = caller;
    this.root = root;
  }

  /**
   * Makes and locks the directory of a new container. mkdir(2) decides between two creators of one id.
   * @throws UserError when the id is invalid or in use
   */
  async create(id: string): Promise<StateDirectory> {
    checkId(id);
    const path = `${this.root}/${id}`;
    // The sticky bit protects files below $XDG_RUNTIME_DIR from cleaning up (XDG Base Directory Specification).
    inState(this.root, () => makeDirectories(this.root, this.caller.uid === 0 ? 0o711 : 0o1700));
    if (!inState(path, () => makeDirectory(path, 0o711))) throw inUse(id, this.root);
    try {
      return await this.claim(id, path);
    } catch (error) {
      attempt(unlinkat(CWD, path, AT_REMOVEDIR)); // fails if another command has made something in it
      throw error;
    }
  }

  private async claim(id: string, path: string): Promise<StateDirectory> {
    const directory = this.openDirectory(id, path);
    if (directory === null) throw new UserError(`container ${id} was deleted while it was being created`);
    try {
      await directory.lock();
      // Ours may have been deleted before we locked it, and this one be another `create`'s.
      if (directory.read() !== null) throw inUse(id, this.root);
      return directory;
    } catch (error) {
      directory[Symbol.dispose]();
      throw error;
    }
  }

  /** Opens an existing container's directory; null when there is no such container. */
  find(id: string): StateDirectory | null {
    checkId(id);
    return this.openDirectory(id, `${this.root}/${id}`);
  }

  /** @throws UserError when there is no such container */
  open(id: string): StateDirectory {
    const directory = this.find(id);
    if (directory === null) throw new UserError(`container does not exist: ${id} (in ${this.root})`);
    return directory;
  }

  /** All containers' ids, sorted. */
  ids(): readonly string[] {
    const ids: string[] = [];
    for (const { name, isDirectory } of this.entries()) if (isDirectory && isId(name)) ids.push(name);
    return ids.sort();
  }

  private entries(): readonly DirectoryEntry[] {
    try {
      return listDirectory(this.root) ?? [];
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      throw stateFailure(this.root, error.call, error.errno);
    }
  }

  private openDirectory(id: string, path: string): StateDirectory | null {
    const call = openat(CWD, path, O_RDONLY | O_DIRECTORY);
    const fd = attempt(call);
    if (fd === -ERRNO.ENOENT || fd === -ERRNO.ENOTDIR) return null;
    if (fd < 0) throw stateFailure(path, call, -fd);
    return new StateDirectory(id, path, fd, this.caller);
  }
}

function inUse(id: string, root: string): UserError {
  return new UserError(
    `container with given ID already exists: ${id} (in ${root}); choose another id, or \`tsrun delete ${id}\` first`,
  );
}

function isId(id: string): boolean {
  return /^[\w+.-]+$/.test(id) && id !== "." && id !== "..";
}

/** Container ids as runc takes them: letters, digits, `_`, `+`, `-`, `.`; not `.` or `..`. */
function checkId(id: string): void {
  if (!isId(id))
    throw new UserError(
      `invalid container ID format ${JSON.stringify(id)}: use letters, digits, "_", "+", "-" and "."`,
    );
}
