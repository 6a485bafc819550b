/**
 * Compiled filters, kept from one tsrun to the next: libseccomp takes some 10 ms for an engine's default profile,
 * a kept filter 0.2 ms.
 *
 * A user who could write here would decide what containers may do, so nothing is trusted that another user could have
 * written: the directory must be the caller's own, with mode 0700; owner and mode, of a file too, are read from the
 * opened descriptor; and a file must match its key and the digest in front of it. Else the filter is compiled again.
 */

import { formatJson } from "../../../runtime-spec/json.ts";
import type { Caller } from "../../agent/caller.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, geteuid, getpid, openat, renameat2 } from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from "../../kernel/constants.ts";
import { makeDirectory, readAll, removeFile, status, writeAll } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { listDirectory } from "../../kernel/list-directory.ts";
import { BPF_MAXINSNS, SOCK_FILTER_SIZE } from "../../kernel/seccomp.ts";

/** Counted up when the compiler's results change. */
const FORMAT = "tsrun seccomp filter 1";
/** In front of a filter: its key and its own digest. */
const HEADER_SIZE = 128;
/** Files at most; a machine has a handful of profiles. */
const MOST_FILES = 64;
const OTHERS = 0o077;

const decoder = new TextDecoder();

/** 64 hexadecimal digits. Bun's other SHA-256 functions take 50 to 150 µs longer at their first use. */
function sha256(content: string | Uint8Array): string {
  return Bun.SHA256.hash(content, "hex");
}

/** A key for these words, which must be everything that a filter depends on. */
export function cacheKey(...words: readonly unknown[]): string {
  return sha256(formatJson([FORMAT, ...words]));
}

/** A directory of filters, made when it is missing. */
export function openCache(path: string | null): Cache | null {
  if (path === null) return null;
  try {
    makeDirectory(path, 0o700);
    const fd = here(openat(CWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (isOurs(fd, S_IFDIR)) return new Cache(fd);
    here(close(fd));
  } catch (error) {
    // No /run, no room, a read-only file system: the filter is compiled each time.
    if (!(error instanceof SyscallError)) throw error;
  }
  return null;
}

/** Where the filters of this caller are kept; null for one without a place. */
export function cacheOf({ uid, env }: Pick<Caller, "uid" | "env">): string | null {
  if (uid === 0) return "/run/tsrun-seccomp";
  const { XDG_RUNTIME_DIR: own } = env;
  return own ? `${own}/tsrun-seccomp` : null; // podman hands on an empty one
}

function isOurs(fd: number, type: number): boolean {
  const { uid, mode } = status("", AT_EMPTY_PATH, fd);
  return uid === here(geteuid()) && (mode & S_IFMT) === type && (mode & OTHERS) === 0;
}

/** A directory of filters by their keys. */
class Cache implements Disposable {
  private readonly directory: number;

  constructor(directory: number) {
    this.directory = directory;
  }

  /** The filter of a key; null when there is none that can be trusted. */
  get(key: string): Uint8Array | null {
    // O_NONBLOCK: whatever it is, opening it does not wait.
    const fd = attempt(openat(this.directory, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (fd < 0) return null;
    try {
      const { size } = status("", AT_EMPTY_PATH, fd);
      if (!isOurs(fd, S_IFREG) || size > HEADER_SIZE + BPF_MAXINSNS * SOCK_FILTER_SIZE) return null;
      const content = readAll(fd);
      const filter = content.subarray(HEADER_SIZE);
      const header = decoder.decode(content.subarray(0, HEADER_SIZE));
      return header === key + sha256(filter) ? filter : null;
    } finally {
      here(close(fd));
    }
  }

  /** Keeps a filter, so that a reader sees all of it or nothing; does nothing where that is not possible. */
  set(key: string, filter: Uint8Array): void {
    try {
      this.makeRoom();
      const draft = `${here(getpid())}.new`;
      removeFile(draft, this.directory); // of a process that was killed
      const fd = here(openat(this.directory, draft, O_WRONLY | O_CREAT | O_EXCL, 0o600));
      try {
        writeAll(fd, key + sha256(filter));
        writeAll(fd, filter);
      } finally {
        here(close(fd));
      }
      here(renameat2(this.directory, draft, this.directory, key, 0));
    } catch (error) {
      // Full, read-only, or emptied by another tsrun in between: the next one compiles it again.
      if (!(error instanceof SyscallError)) throw error;
    }
  }

  private makeRoom(): void {
    const files = listDirectory(".", this.directory) ?? [];
    if (files.length < MOST_FILES) return;
    for (const { name } of files) removeFile(name, this.directory);
  }

  [Symbol.dispose](): void {
    here(close(this.directory));
  }
}
