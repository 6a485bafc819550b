/**
 * `tmpcopyup`: a tmpfs that starts with a copy of the image's directory at that place.
 *
 * tsrun lists the directory, and the container's init copies it entry by entry: so the memory counts as the
 * container's, and what the container's root may not read is not copied. Every name is opened relative to the directory
 * without following links; if the image changes meanwhile, the mount is refused.
 *
 * Loaded only for the containers that ask for it.
 */
import type { IdMapping } from "../../../runtime-spec/config-linux.ts";
import type { Program } from "../../agent/program.ts";
import type { Fd } from "../../kernel/call.ts";
import {
  close,
  fchmod,
  fchmodat,
  fchown,
  fchownat,
  futimens,
  mkdirat,
  mknodat,
  openat,
  openat2,
  readlinkat,
  sendfile,
  statx,
  symlinkat,
  utimensat,
} from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../kernel/constants.ts";
import { errnoWords } from "../../kernel/errno.ts";
import { attempt, here } from "../../kernel/here.ts";
import { listDirectory } from "../../kernel/list-directory.ts";
import {
  type FileStatus,
  fileTimes,
  makeDevice,
  modificationTime,
  readStatx,
  STATX_SIZE,
} from "../../kernel/structs.ts";
import { fail } from "../../kernel/user-error.ts";
import { openInside } from "../inside.ts";

/** The character that replaces bytes which are not UTF-8. */
const REPLACEMENT = "\ufffd";

/** The most that fits into an agent's mailbox. */
const MOST_ENTRIES = 8192;
/** No memory holds more. The image may have sparse files of exabytes, which would be a step for every 2 GiB. */
const MOST_BYTES = 2 ** 40;
/** The most that one sendfile(2) moves. */
const LARGEST_PART = 0x7fff_f000;

interface Entry {
  /** Relative to the directory that is copied. */
  readonly path: string;
  readonly status: FileStatus;
  readonly times: Uint8Array;
  /** Where a symbolic link points. */
  readonly target: string;
}

/** The content of a directory of the image. */
export interface CopyUp {
  /** Directories come before what is in them. */
  readonly entries: readonly Entry[];
  /** Of the directory itself; null when the image has none there. */
  readonly status: FileStatus | null;
}

/**
 * Lists the image's directory at `path`, resolved in the rootfs of the descriptor `root`, without mounts of the host
 * below it. @throws UserError
 */
export function listForCopy(where: string, root: number, path: string): CopyUp {
  const directory = openInside(root, path, O_RDONLY | O_DIRECTORY);
  if (directory < 0) return { entries: [], status: null };
  try {
    const entries: Entry[] = [];
    const bytes = new Uint8Array(STATX_SIZE);
    here(statx(directory, "", AT_EMPTY_PATH, bytes));
    const status = readStatx(bytes);
    list(directory, "", `${status.device}`, entries, where);
    const bytesInAll = entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
    if (bytesInAll > MOST_BYTES)
      fail(
        `${where}.options`,
        `tmpcopyup: the image has ${bytesInAll} bytes there; the limit is ${MOST_BYTES}`,
      );
    return { entries, status };
  } finally {
    here(close(directory));
  }
}

const sizeOf = ({ status: { mode, size } }: Entry) => ((mode & S_IFMT) === S_IFREG ? size : 0);

function list(directory: number, path: string, device: string, entries: Entry[], where: string): void {
  for (const { name } of listDirectory(".", directory, MOST_ENTRIES + 1) ?? []) {
    const bytes = new Uint8Array(STATX_SIZE);
    if (attempt(statx(directory, name, AT_SYMLINK_NOFOLLOW, bytes)) < 0) {
      if (!name.includes(REPLACEMENT)) continue; // gone meanwhile
      fail(`${where}.options`, `tmpcopyup: the name of ${path}/${name} in the image is not UTF-8`);
    }
    const status = readStatx(bytes);
    if (`${status.device}` !== device) continue;
    if (entries.length === MOST_ENTRIES)
      fail(`${where}.options`, `tmpcopyup: the image has more than ${MOST_ENTRIES} files there`);
    const below = path === "" ? name : `${path}/${name}`;
    const kind = status.mode & S_IFMT;
    const target = kind === S_IFLNK ? linkTarget(directory, name, where, below) : "";
    entries.push({ path: below, status, times: fileTimes(modificationTime(bytes)), target });
    if (kind === S_IFDIR) listBelow(directory, name, below, device, entries, where);
  }
}

function listBelow(
  parent: number,
  name: string,
  path: string,
  device: string,
  entries: Entry[],
  where: string,
): void {
  const call = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const directory = listed(attempt(call), where, path);
  try {
    list(directory, path, device, entries, where);
  } finally {
    here(close(directory));
  }
}

/** The result of a call on the image's file at `path`, which may change at any time. @throws UserError */
function listed(result: number, where: string, path: string): number {
  if (result >= 0) return result;
  return fail(`${where}.options`, `tmpcopyup: cannot list ${path} of the image: ${errnoWords(-result)}`);
}

function linkTarget(directory: number, name: string, where: string, path: string): string {
  const text = new Uint8Array(4096);
  const length = listed(attempt(readlinkat(directory, name, text)), where, path);
  return new TextDecoder().decode(text.subarray(0, length));
}

/** The mappings of a user namespace, which decide who owns the copies. */
export interface Owners {
  readonly uids: readonly IdMapping[] | null;
  readonly gids: readonly IdMapping[] | null;
}

/** Where to copy from and to: two directories, the second in a new file system that is not mounted yet. */
interface Way {
  readonly program: Program;
  readonly from: Fd;
  readonly to: Fd;
  /** `mounts[3]` */
  readonly where: string;
}

/** Adds the steps that copy. */
export function addCopy(way: Way, { entries, status }: CopyUp, owners: Owners): void {
  const { program, to } = way;
  if (status !== null) program.add(fchownat(to, "", ...ownerOf(status, owners).ids, AT_EMPTY_PATH));
  for (const entry of entries) {
    const copy = (entry.status.mode & S_IFMT) === S_IFREG ? copyFile : copyOther;
    copy(way, entry, ownerOf(entry.status, owners));
  }
  // Times come last, since making a file changes the time of its directory.
  for (const { path, status, times } of entries)
    if ((status.mode & S_IFMT) === S_IFDIR) program.add(utimensat(to, path, times, AT_SYMLINK_NOFOLLOW));
}

/** Owner and mode of a copy. If its owner is unmapped, the container's root owns it, without the set-user-ID bit. */
interface Owner {
  readonly ids: readonly [uid: number, gid: number];
  readonly mode: number;
}

function ownerOf({ uid, gid, mode }: FileStatus, { uids, gids }: Owners): Owner {
  const [user, group] = [inside(uid, uids), inside(gid, gids)];
  const isKnown = user !== undefined && group !== undefined;
  return { ids: [user ?? 0, group ?? 0], mode: mode & (isKnown ? 0o7777 : 0o1777) };
}

/** Opening must not block, should a FIFO be there by now. */
const READ = O_RDONLY | O_NONBLOCK | O_NOFOLLOW;
const BELOW = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

function copyFile({ program, from, to, where }: Way, { path, status, times }: Entry, owner: Owner): void {
  const source = program.add(openat2(from, path, READ, BELOW));
  const copy = program.add(openat(to, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
  for (let rest = status.size; rest > 0; rest -= LARGEST_PART) {
    const size = Math.min(rest, LARGEST_PART);
    const part = program.add(sendfile(copy, source, size));
    program.afterwards((results) => {
      const copied = results.result(part);
      if (copied < size)
        fail(
          `${where}.options`,
          `tmpcopyup copied ${copied} of ${size} bytes of ${path}: is the tmpfs too small (size=)?`,
        );
    });
  }
  program.add(fchown(copy, ...owner.ids));
  program.add(fchmod(copy, owner.mode)); // chown(2) takes set-user-id away
  program.add(futimens(copy, times));
  program.add(close(source));
  program.add(close(copy));
}

function copyOther({ program, to }: Way, { path, status, times, target }: Entry, owner: Owner): void {
  const kind = status.mode & S_IFMT;
  const { ids, mode } = owner;
  if (kind === S_IFDIR) program.add(mkdirat(to, path, mode));
  else if (kind === S_IFLNK) program.add(symlinkat(target, to, path));
  else program.add(mknodat(to, path, status.mode, makeDevice(...status.deviceType)));
  program.add(fchownat(to, path, ...ids, AT_SYMLINK_NOFOLLOW));
  if (kind !== S_IFLNK) program.add(fchmodat(to, path, mode));
  if (kind !== S_IFDIR) program.add(utimensat(to, path, times, AT_SYMLINK_NOFOLLOW));
}

/** The container's id for an id of the host; undefined if it is unmapped. */
function inside(id: number, mappings: readonly IdMapping[] | null): number | undefined {
  if (mappings === null) return id;
  const mapping = mappings.find(({ hostID, size }) => id >= hostID && id < hostID + size);
  return mapping === undefined ? undefined : mapping.containerID + id - mapping.hostID;
}
