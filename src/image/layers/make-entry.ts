/** Makes what an entry of a layer is: in place of what has its name, whatever that is. */
import { type Call, SyscallError } from "../../kernel/call.ts";
import {
  close,
  ftruncate,
  linkat,
  lseek,
  mkdirat,
  mknodat,
  openat,
  statx,
  symlinkat,
} from "../../kernel/calls.ts";
import {
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  SEEK_SET,
} from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { writeAll } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { makeDevice, readStatx, STATX_SIZE } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";
import { namesIn, pathOf, shown } from "../names.ts";
import type { EntryType } from "../tar/header.ts";
import type { Content, TarEntry } from "../tar/read-tar.ts";
import { type Owners, setAttributes, setAttributesAt, setTimes } from "./attributes.ts";
import type { Place, RootTree } from "./root-tree.ts";

/** Where entries are made, and what is shared by all of them. */
export interface Making {
  readonly tree: RootTree;
  readonly owners: Owners;
  /** Told of room, in bytes, that something takes besides that of its bytes in the archive. @throws UserError for too much */
  readonly takes: (bytes: number) => void;
}

type Make = (making: Making, place: Place, entry: TarEntry, content: Content) => void | Promise<void>;

const MAKE: { readonly [type in EntryType]: Make } = {
  file: makeFile,
  directory: makeDirectory,
  symlink: ({ tree, owners }, place, entry) => {
    if (entry.link === "" || entry.link.includes("\0")) throw new UserError("is a link to nothing");
    replacing(tree, place, symlinkat(pathOf(entry.link), place.directory, pathOf(place.name)));
    setAttributesAt(place, entry, owners);
  },
  "hard link": makeHardLink,
  fifo: (making, place, entry) => makeNode(making, place, entry, S_IFIFO),
  "character device": (making, place, entry) => makeNode(making, place, entry, S_IFCHR),
  "block device": (making, place, entry) => makeNode(making, place, entry, S_IFBLK),
};

/** @throws SyscallError, UserError */
export function makeEntry(
  making: Making,
  place: Place,
  entry: TarEntry,
  content: Content,
): void | Promise<void> {
  if (place.path === "" && entry.type !== "directory") throw new UserError('is "/", and no directory');
  return MAKE[entry.type](making, place, entry, content);
}

/** Makes a file by a call that fails if there is one, after removing that. Returns the call's result. */
function replacing(tree: RootTree, place: Place, call: Call): number {
  const result = attempt(call);
  if (result !== -ERRNO.EEXIST) {
    if (result < 0) throw new SyscallError(call, -result);
    return result;
  }
  tree.clear(place);
  return here(call);
}

/** What file systems give room in: a directory, or a part of a sparse file, takes so much, however short it is. */
export const ROOM = 4096;

async function makeFile(
  { tree, owners, takes }: Making,
  place: Place,
  entry: TarEntry,
  content: Content,
): Promise<void> {
  if (entry.sparse !== null) takes(entry.sparse.parts.length * ROOM);
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  const fd = replacing(tree, place, openat(place.directory, pathOf(place.name), flags, 0o600));
  try {
    if (entry.sparse !== null) await writeSparse(fd, entry.sparse, content);
    else if (entry.size > 0) await writeContent(fd, content);
    setAttributes(fd, entry, owners);
    setTimes(fd, entry);
  } finally {
    here(close(fd));
  }
}

async function writeContent(fd: number, content: Content, most?: number): Promise<number> {
  let written = 0;
  for (;;) {
    const piece = await content.next(most === undefined ? undefined : most - written);
    if (piece === null) return written;
    writeAll(fd, piece);
    written += piece.byteLength;
    if (written === most) return written;
  }
}

/** The parts where they belong; what is between them are holes. */
async function writeSparse(fd: number, { parts, size }: NonNullable<TarEntry["sparse"]>, content: Content) {
  for (const { offset, length } of parts) {
    if (length === 0) continue;
    here(lseek(fd, offset, SEEK_SET));
    await writeContent(fd, content, length);
  }
  here(ftruncate(fd, size));
}

/** A directory that is there already stays, with what is in it. */
function makeDirectory({ tree, owners }: Making, place: Place, entry: TarEntry): void {
  const { directory, path } = place;
  const name = pathOf(place.name);
  if (path !== "" && attempt(mkdirat(directory, name, 0o700)) < 0 && !isDirectory(place))
    replacing(tree, place, mkdirat(directory, name, 0o700));
  const fd = here(openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  try {
    setAttributes(fd, entry, owners);
  } finally {
    here(close(fd));
  }
}

function isDirectory({ directory, name }: Place): boolean {
  const bytes = new Uint8Array(STATX_SIZE);
  if (attempt(statx(directory, pathOf(name), AT_SYMLINK_NOFOLLOW, bytes)) < 0) return false;
  return (readStatx(bytes).mode & S_IFMT) === S_IFDIR;
}

/** Another name for a file that is in the rootfs by now. Owner and mode are the file's own. */
function makeHardLink({ tree }: Making, place: Place, { link }: TarEntry): void {
  const names = namesIn(link);
  const name = names.at(-1);
  if (name === undefined) throw new UserError("is a hard link to a directory");
  const directory = tree.open(names.slice(0, -1).join("/") || ".", O_PATH | O_DIRECTORY);
  if (directory < 0) throw unlinked(link, -directory);
  try {
    const call = linkat(directory, pathOf(name), place.directory, pathOf(place.name), 0);
    let result = attempt(call);
    if (result === -ERRNO.EEXIST) {
      tree.clear(place);
      result = attempt(call);
    }
    if (result < 0) throw unlinked(link, -result);
  } finally {
    here(close(directory));
  }
}

const unlinked = (link: string, errno: number) =>
  new UserError(`cannot be a hard link to ${shown(link)}: ${errnoWords(errno)}`);

/** What mknod(2) has bits for. */
const [MOST_MAJOR, MOST_MINOR] = [0xfff, 0xfffff];

function makeNode({ tree, owners }: Making, place: Place, entry: TarEntry, kind: number): void {
  const [major, minor] = entry.device;
  if (major < 0 || minor < 0 || major > MOST_MAJOR || minor > MOST_MINOR)
    throw new UserError(`is the device ${major}:${minor}, which Linux can't have`);
  const { directory, name } = place;
  const node = mknodat(directory, pathOf(name), kind | 0o600, makeDevice(major, minor));
  try {
    replacing(tree, place, node);
  } catch (error) {
    // Where a user namespace may not make devices, the container's own /dev has those that it needs.
    if (kind === S_IFIFO || !(error instanceof SyscallError) || error.errno !== ERRNO.EPERM) throw error;
    replacing(tree, place, mknodat(directory, pathOf(name), S_IFREG | 0o600, 0));
    owners.losses.add("device", entry.name);
  }
  setAttributesAt(place, entry, owners);
}
