/**
 * The directory that layers are unpacked into. Paths are resolved as a container's process would resolve them: by
 * openat2(2) with this directory as "/". Links of an earlier layer, or of the same, thus lead to where they would lead in
 * the container (so do umoci's and containerd's), and none leads out.
 */
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, mkdirat, openat2, readlinkat } from "../../kernel/calls.ts";
import {
  O_DIRECTORY,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_XDEV,
} from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { attempt, here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import { MOST_TRIES, names } from "../../linux/inside.ts";
import { latin1, namesIn, pathOf, shown } from "../names.ts";
import { remove } from "./remove-tree.ts";

/** A place for a file: a name in an open directory. */
export interface Place {
  readonly directory: number;
  readonly name: string;
  /** Its path from the root, without links on the way; empty for the root itself. */
  readonly path: string;
}

/** An open directory; `resolved` is its path from the root, without links on the way. */
interface Directory {
  readonly fd: number;
  readonly resolved: string;
}

const WITHIN = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
const READLINK_SIZE = 4096;
/** Links that lead to directories which are not there yet. */
const MOST_LINKS = 40;

export class RootTree implements Disposable {
  readonly fd: number;
  private readonly ownPath: string;
  /** The last directory: the next file is in the same more often than not. */
  private last: (Directory & { readonly path: string }) | null = null;
  /** What was the last directory may be gone, or behind another link. */
  private isStale = false;
  /** How many directories were made on the way to others. */
  made = 0;

  /** Of an open directory, which stays the caller's. */
  constructor(fd: number) {
    this.fd = fd;
    this.ownPath = pathOfDescriptor(fd);
  }

  /** Where an entry belongs; directories on the way that are missing are made. @throws UserError */
  place(path: string): Place {
    return this.placeIn(path, true) ?? unreachable();
  }

  /** The same of a file that should be there: null when its directory isn't. @throws UserError */
  placeIfThere(path: string): Place | null {
    return this.placeIn(path, false);
  }

  private placeIn(path: string, makes: boolean): Place | null {
    const parents = [...namesIn(path)];
    const name = parents.pop();
    if (name === undefined) return { directory: this.fd, name: ".", path: "" };
    const directory = this.directory(parents.join("/"), makes);
    if (directory === null) return null;
    const { fd, resolved } = directory;
    return { directory: fd, name, path: resolved === "" ? name : `${resolved}/${name}` };
  }

  /** Opens a file or directory in here. Returns the descriptor, or the negative errno. */
  open(path: string, flags: number): number {
    const call = openat2(this.fd, pathOf(path), flags, WITHIN);
    let fd = attempt(call);
    // It gives up on ".." of links whenever something is renamed on the machine.
    for (let tries = 0; tries < MOST_TRIES && fd === -ERRNO.EAGAIN; tries++) fd = attempt(call);
    return fd;
  }

  /** Removes what is at a place, with all that is in it. */
  clear({ directory, name, path }: Place, isKept?: (path: string) => boolean): void {
    this.isStale = true;
    remove(directory, name, path, isKept);
  }

  [Symbol.dispose](): void {
    if (this.last !== null) here(close(this.last.fd));
    this.last = null;
  }

  /** The directory at a path, which may be the last one. It is open until the next is asked for. */
  private directory(path: string, makes: boolean): Directory | null {
    if (path === "") return { fd: this.fd, resolved: "" };
    if (this.last?.path === path && !this.isStale) return this.last;
    const fd = makes ? this.openOrMake(path, MOST_LINKS) : this.open(path, O_PATH | O_DIRECTORY);
    if (fd === -ERRNO.ENOENT || fd === -ERRNO.ENOTDIR) return null;
    if (fd < 0) throw new SyscallError(openat2(this.fd, pathOf(path), O_PATH, WITHIN), -fd);
    this[Symbol.dispose]();
    this.isStale = false;
    this.last = { path, fd, resolved: this.resolvedPath(fd) };
    return this.last;
  }

  private resolvedPath(fd: number): string {
    return pathOfDescriptor(fd).slice(this.ownPath.length + 1);
  }

  private openOrMake(path: string, links: number): number {
    const fd = this.open(path, O_PATH | O_DIRECTORY);
    if (fd !== -ERRNO.ENOENT) {
      if (fd >= 0) return fd;
      const why = fd === -ERRNO.ENOTDIR ? "is no directory" : `cannot be opened: ${errnoWords(-fd)}`;
      throw new UserError(`cannot be put into ${shown(path)}, which ${why}`);
    }
    const slash = path.lastIndexOf("/");
    const parent =
      slash < 0 ? this.open(".", O_PATH | O_DIRECTORY) : this.openOrMake(path.slice(0, slash), links);
    try {
      const name = path.slice(slash + 1);
      const made = attempt(mkdirat(parent, pathOf(name), 0o755));
      if (made === -ERRNO.EEXIST) return this.makeBehindLink(path, parent, name, links);
      if (made < 0) throw new SyscallError(mkdirat(parent, path, 0o755), -made);
      this.made += 1;
      return here(openat2(parent, pathOf(name), O_PATH | O_DIRECTORY, WITHIN));
    } finally {
      here(close(parent));
    }
  }

  /** A link leads to a directory that isn't there, which is made: a process that wrote there would want it, too. */
  private makeBehindLink(path: string, parent: number, name: string, links: number): number {
    const target = new Uint8Array(READLINK_SIZE);
    const length = attempt(readlinkat(parent, pathOf(name), target));
    if (length < 0 || links === 0)
      throw new UserError(`cannot be put into ${shown(path)}: its links lead nowhere`);
    const to = latin1(target.subarray(0, length));
    const from = this.resolvedPath(parent);
    const behind = names(to.startsWith("/") ? to : `${from}/${to}`).join("/");
    return behind === "" ? this.open(".", O_PATH | O_DIRECTORY) : this.openOrMake(behind, links - 1);
  }
}

function pathOfDescriptor(fd: number): string {
  const into = new Uint8Array(READLINK_SIZE);
  return latin1(into.subarray(0, here(readlinkat(CWD, `/proc/self/fd/${fd}`, into))));
}

function unreachable(): never {
  throw new Error("unreachable: a missing directory is made, or an error is thrown");
}
