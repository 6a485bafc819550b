import type { Program } from "../agent/program.ts";
import type { Fd } from "../kernel/call.ts";
import {
  CWD,
  fsconfigCreate,
  fsconfigString,
  fsmount,
  fsopen,
  mountSetattr,
  moveMount,
  openat,
  openat2,
  openTree,
} from "../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  O_NOFOLLOW,
  O_PATH,
  OPEN_TREE_CLONE,
} from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { INSIDE } from "./inside.ts";

const ABSENT = [ERRNO.ENOENT, ERRNO.ENOTDIR] as const;

/** Tells where to walk to a path of the container from; see `walkTo`. */
type Walk = (path: string) => { readonly from: Fd; readonly path: string };

const openThere = ({ from, path }: ReturnType<Walk>) => openat2(from, path, O_PATH, INSIDE);

/**
 * Hides `linux.maskedPaths`: files below the host's /dev/null, directories below an empty read-only tmpfs.
 * The host's null device is opened before the root changes, so no node of the image is ever trusted
 * (CVE-2025-31133). Paths that do not exist are left out, as the spec allows.
 */
export function maskPaths(program: Program, walk: Walk, paths: readonly string[]): void {
  if (paths.length === 0) return;
  program.by("config.json: linux.maskedPaths");
  const devNull = program.add(openat(CWD, "/dev/null", O_PATH | O_NOFOLLOW));
  for (const [index, path] of paths.entries()) {
    program.by(`config.json: linux.maskedPaths[${index}] (${path})`);
    program.whenOk(openThere(walk(path)), ABSENT, (target) => {
      const file = program.add(openTree(devNull, "", OPEN_TREE_CLONE | AT_EMPTY_PATH));
      // The kernel refuses a file over a directory with EINVAL.
      program.orElse(moveMount(file, target), [ERRNO.EINVAL, ERRNO.ENOTDIR], () => {
        const fs = program.add(fsopen("tmpfs"));
        program.add(fsconfigString(fs, "nr_inodes", "1"));
        program.add(fsconfigCreate(fs));
        const attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
        program.add(moveMount(program.add(fsmount(fs, attributes)), target));
      });
    });
  }
}

/** Makes `linux.readonlyPaths` read-only, with all mounts below them. */
export function protectPaths(program: Program, walk: Walk, paths: readonly string[]): void {
  for (const [index, path] of paths.entries()) {
    program.by(`config.json: linux.readonlyPaths[${index}] (${path})`);
    program.whenOk(openThere(walk(path)), ABSENT, (target) => {
      const tree = program.add(openTree(target, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH));
      program.add(mountSetattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, { set: MOUNT_ATTR_RDONLY }));
      program.add(moveMount(tree, target));
    });
  }
}
