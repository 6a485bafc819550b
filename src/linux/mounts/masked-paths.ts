import type { Program } from "../../agent/program.ts";
import type { Fd, StepResult } from "../../kernel/call.ts";
import {
  CWD,
  close,
  fcntl,
  fsconfigCreate,
  fsconfigString,
  fsmount,
  fsopen,
  mountSetattr,
  moveMount,
  openat,
  openat2,
  openTree,
} from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  F_GETFD,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  OPEN_TREE_CLONE,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { INSIDE } from "../inside.ts";

const ABSENT = [ERRNO.ENOENT, ERRNO.ENOTDIR] as const;

/** The container can't change a mask: above all not the host's null device, which masks each file. */
const OF_MASKS = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;

/** Tells from where to resolve a path of the container; see `walkTo`. */
type Walk = (path: string) => { readonly from: Fd; readonly path: string };

const openThere = ({ from, path }: ReturnType<Walk>, flags = O_PATH) => openat2(from, path, flags, INSIDE);

/**
 * Hides `linux.maskedPaths`: files behind the host's /dev/null, directories behind one empty tmpfs, both read-only. The
 * host's null device is opened before the root changes, so no node of the image is ever trusted (CVE-2025-31133). Paths
 * that do not exist are left out, as the spec allows, and so is what is listed again.
 */
export function maskPaths(program: Program, walk: Walk, paths: readonly string[]): void {
  if (paths.length === 0) return;
  program.by("config.json: linux.maskedPaths");
  const devNull = program.add(openat(CWD, "/dev/null", O_PATH | O_NOFOLLOW));
  const empty = emptyDirectory(program);
  const listed = new Set<string>();
  for (const [index, path] of paths.entries()) {
    if (listed.has(path)) continue;
    listed.add(path);
    program.by(`config.json: linux.maskedPaths[${index}] (${path})`);
    const place = walk(path);
    program.whenOk(openThere(place), ABSENT, (file) => {
      const directory = program.orElse(openThere(place, O_PATH | O_DIRECTORY), [ERRNO.ENOTDIR], () => {
        maskFile(program, devNull, file);
      });
      program.whenOk(fcntl(directory, F_GETFD, 0), [ERRNO.EBADF], () => {
        maskDirectory(program, empty, directory);
        program.add(close(directory));
      });
      program.add(close(file));
    });
  }
}

function emptyDirectory(program: Program): StepResult {
  const fs = program.add(fsopen("tmpfs"));
  program.add(fsconfigString(fs, "nr_inodes", "1"));
  program.add(fsconfigCreate(fs));
  return program.add(fsmount(fs, OF_MASKS | MOUNT_ATTR_NODEV));
}

function maskFile(program: Program, devNull: Fd, file: Fd): void {
  const mask = program.add(openTree(devNull, "", OPEN_TREE_CLONE | AT_EMPTY_PATH));
  // The copy is a slave of the host's /dev: what the host mounts on its null device would appear in the container.
  program.add(mountSetattr(mask, "", AT_EMPTY_PATH, { set: OF_MASKS, propagation: MS_PRIVATE }));
  program.add(moveMount(mask, file));
  program.add(close(mask));
}

/** Before Linux 6.15 only an attached mount can be copied: then the first directory gets `empty` itself. */
function maskDirectory(program: Program, empty: Fd, directory: Fd): void {
  const copy = program.orElse(openTree(empty, "", OPEN_TREE_CLONE | AT_EMPTY_PATH), [ERRNO.EINVAL], () => {
    program.add(moveMount(empty, directory));
  });
  program.add(moveMount(copy, directory), [ERRNO.EBADF]);
  program.add(close(copy), [ERRNO.EBADF]);
}

/** Makes `linux.readonlyPaths` read-only, with all mounts below them. */
export function protectPaths(program: Program, walk: Walk, paths: readonly string[]): void {
  for (const [index, path] of paths.entries()) {
    program.by(`config.json: linux.readonlyPaths[${index}] (${path})`);
    program.whenOk(openThere(walk(path)), ABSENT, (target) => {
      const tree = program.add(openTree(target, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH));
      program.add(mountSetattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, { set: MOUNT_ATTR_RDONLY }));
      program.add(moveMount(tree, target));
      for (const opened of [tree, target]) program.add(close(opened));
    });
  }
}
