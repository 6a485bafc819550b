import type { Config } from "../../../runtime-spec/config.ts";
import { formatJson, parseJson } from "../../../runtime-spec/json.ts";
import type { Caller } from "../../agent/caller.ts";
import { SyscallError } from "../../kernel/call.ts";
import { close, flock, openat, umount2 } from "../../kernel/calls.ts";
import {
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
  isErrno,
  readTextIfThere,
  removeDirectory,
  removeFile,
  replaceFile,
  statusIfThere,
} from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { listDirectory } from "../../kernel/list-directory.ts";
import { UserError } from "../../kernel/user-error.ts";
import { until } from "../../kernel/wait.ts";
import { type Saved, savedIn } from "./saved.ts";
import { inState } from "./state-failure.ts";

/** How long a command waits for another one that works on the same container, in milliseconds. */
const LOCK_PATIENCE = 10_000;

/** Names of the files in a container's directory. */
export const STATE_FILE = "state.json";
export const CONFIG_FILE = "config.json";
export const MAILBOX_FILE = "mailbox";

/** The directory in it on which the rootfs is mounted during `restore`. */
export const CRIU_ROOT = "criu-root";

/** The saved state cannot be read any more, for example because the file system lost it in a crash. */
export class DamagedState extends UserError {
  constructor({ id, path }: StateDirectory) {
    super(
      `container ${id}`,
      `${path}/${STATE_FILE} is damaged: \`tsrun delete --force ${id}\` removes it; what may still run of the container is for you to end`,
    );
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

  /** The next that opens the directory reads this configuration. `exec` may be reading the file. */
  writeConfig(config: Config): void {
    inState(this.path, () => replaceFile(CONFIG_FILE, formatJson(config), 0o600, this.fd));
  }

  private readConfig(): Config {
    const text = readTextIfThere(CONFIG_FILE, this.fd);
    if (text === null)
      throw new UserError(
        `container ${this.id}`,
        `${this.path}/${CONFIG_FILE} is missing: the container is only just being made, or somebody has removed the file`,
      );
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
