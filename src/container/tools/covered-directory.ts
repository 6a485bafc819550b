/**
 * A new place in a directory that must not change, such as the read-only root of an image. In the process's own mount
 * namespace the directory is covered by a small tmpfs, which has the new place, and shows again all that the directory
 * has: directories and files as mounts of themselves, so that what is written there is written to the container; links
 * as links. It is read-only, as what was new in it would be lost.
 *
 *     the container's /:   app  etc  lib -> usr/lib  proc  usr
 *     the process's /:     app  etc  lib -> usr/lib  proc  usr  .tools     app, etc, proc, usr are mounts of the former
 *
 * mkdir(2) would change the image, which may be shared or read-only, or a volume. An overlay would hide that the files
 * are the container's: other inodes, sockets that nobody listens on. And a directory that is mounted nowhere, with its
 * descriptor in PATH (/proc/self/fd/3), is lost to programs that close descriptors, and has no path to give to others.
 *
 * What is different in such a directory: nothing new can be made in it, what it has cannot be renamed or removed (EBUSY),
 * and what the container makes in it meanwhile is not seen. Below it, all is as in the container.
 */
import type { Fd, StepResult } from "../../kernel/call.ts";
import {
  chroot,
  close,
  fchdir,
  fsconfigCreate,
  fsconfigString,
  fsmount,
  fsopen,
  getdents64,
  mkdirat,
  mknodat,
  mountSetattr,
  moveMount,
  openat,
  openat2,
  openTree,
  readlinkat,
  statx,
  symlinkat,
} from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  AT_SYMLINK_NOFOLLOW,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  OPEN_TREE_CLONE,
  RESOLVE_BENEATH,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { entriesIn } from "../../kernel/list-directory.ts";
import { readStatx, STATX_SIZE } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { Agent } from "../init/agent.ts";

interface Covering {
  /** The directory, as the agent has it open. */
  readonly directory: Fd;
  /** Whether that is the agent's root, which it then has to enter anew. */
  readonly isRoot: boolean;
  /** The names of the new directories, each in the one before. */
  readonly missing: readonly string[];
  /** What is mounted on the last of them. */
  readonly tree: Fd;
}

/** Each entry is a mount: a directory with many is a mistake. */
const MOST_ENTRIES = 1000;
/** One getdents64(2) at a time. */
const LISTING = 16_384;
const LONGEST_LINK = 4096;

/** Adds the steps that cover the directory; some of them have run when it returns. @throws UserError */
export async function coverWithPlace(agent: Agent, covering: Covering): Promise<void> {
  const { program } = agent.init;
  const { directory, isRoot, missing, tree } = covering;
  const { entries, mode } = await look(agent, directory);
  const cover = makeCover(agent, mode);
  for (const { name, kind, target } of entries) {
    if (kind === "directory") program.add(mkdirat(cover, name, 0o755));
    else if (kind === "link") program.add(symlinkat(target, cover, name));
    else program.add(mknodat(cover, name, S_IFREG | 0o644, 0));
  }
  const place = makePlace(agent, cover, missing);
  program.add(moveMount(cover, directory)); // `directory` still shows what is below
  for (const { name, kind } of entries) if (kind !== "link") showAgain(agent, directory, cover, name);
  program.add(moveMount(tree, place));
  program.add(close(place));
  program.add(mountSetattr(cover, "", AT_EMPTY_PATH, { set: MOUNT_ATTR_RDONLY }));
  if (isRoot) {
    // The uppermost mount on the root of the mount namespace: the kernel does not call that a chroot.
    program.add(fchdir(cover));
    program.add(chroot("."));
  }
  program.add(close(cover));
}

interface Entry {
  readonly name: string;
  readonly kind: "directory" | "link" | "file";
  /** Of a link. */
  readonly target: string;
}

/** What is in a directory, and the directory's mode. What goes meanwhile is left out. */
async function look(
  agent: Agent,
  directory: Fd,
): Promise<{ readonly entries: Entry[]; readonly mode: number }> {
  const { program } = agent.init;
  const itself = program.add(statx(directory, "", AT_EMPTY_PATH, { room: STATX_SIZE }));
  const looked = (await namesIn(agent, directory)).map((name) => ({
    name,
    status: program.add(statx(directory, name, AT_SYMLINK_NOFOLLOW, { room: STATX_SIZE }), [ERRNO.ENOENT]),
    link: program.add(readlinkat(directory, name, { room: LONGEST_LINK }), [ERRNO.ENOENT, ERRNO.EINVAL]),
  }));
  await agent.run();
  const entries = looked
    .filter(({ status }) => agent.init.result(status) >= 0)
    .map(({ name, status, link }): Entry => {
      const kind = readStatx(agent.init.filled(status)).mode & S_IFMT;
      const target = new TextDecoder().decode(agent.init.filled(link, Math.max(0, agent.init.result(link))));
      return { name, kind: kind === S_IFDIR ? "directory" : kind === S_IFLNK ? "link" : "file", target };
    });
  return { entries, mode: readStatx(agent.init.filled(itself)).mode & 0o7777 };
}

async function namesIn(agent: Agent, directory: Fd): Promise<readonly string[]> {
  const { program } = agent.init;
  const listed = program.add(openat(directory, ".", O_RDONLY | O_DIRECTORY));
  const found: string[] = [];
  for (;;) {
    const part = program.add(getdents64(listed, { room: LISTING }));
    await agent.run();
    const length = agent.init.result(part);
    if (length === 0) break;
    found.push(...entriesIn(agent.init.filled(part, length)).map(({ name }) => name));
    if (found.length > MOST_ENTRIES)
      throw new UserError(
        program.wantedBy,
        `does not exist, and the directory where it would be made has more than ${MOST_ENTRIES} entries: choose another place with --at`,
      );
  }
  program.add(close(listed));
  return found;
}

function makeCover(agent: Agent, mode: number): StepResult {
  const { program } = agent.init;
  const fs = program.add(fsopen("tmpfs"));
  program.add(fsconfigString(fs, "source", "tools"));
  program.add(fsconfigString(fs, "mode", mode.toString(8)));
  program.add(fsconfigCreate(fs));
  const cover = program.add(fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  program.add(close(fs));
  return cover;
}

function makePlace(agent: Agent, cover: StepResult, missing: readonly string[]): StepResult {
  const { program } = agent.init;
  let at = cover;
  for (const name of missing) {
    program.add(mkdirat(at, name, 0o755));
    const next = program.add(openat2(at, name, O_PATH | O_DIRECTORY, RESOLVE_BENEATH));
    if (at !== cover) program.add(close(at));
    at = next;
  }
  return at;
}

/** Mounts an entry of the covered directory, with all mounts on it, at the same name of the cover. */
function showAgain(agent: Agent, directory: Fd, cover: StepResult, name: string): void {
  const { program } = agent.init;
  const flags = OPEN_TREE_CLONE | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW;
  program.whenOk(openTree(directory, name, flags), [ERRNO.ENOENT], (tree) => {
    const place = program.add(openat2(cover, name, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH));
    program.add(moveMount(tree, place));
    for (const fd of [place, tree]) program.add(close(fd));
  });
}
