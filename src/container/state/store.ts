import type { Caller } from "../../agent/caller.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, openat, unlinkat } from "../../kernel/calls.ts";
import { AT_REMOVEDIR, O_DIRECTORY, O_RDONLY } from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { makeDirectories, makeDirectory, statusIfThere } from "../../kernel/files.ts";
import { attempt } from "../../kernel/here.ts";
import { type DirectoryEntry, listDirectory } from "../../kernel/list-directory.ts";
import { UserError } from "../../kernel/user-error.ts";
import { StateDirectory } from "./state-directory.ts";
import { inState, stateFailure } from "./state-failure.ts";

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

  /** Tells a root that is not there from one without containers. @throws UserError */
  requireRoot(): void {
    if (statusIfThere(this.root) === null)
      throw new UserError(`--root ${this.root}`, `does not exist: ${errnoWords(ERRNO.ENOENT)}`);
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
