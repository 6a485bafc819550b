import type { Program } from "../../agent/program.ts";
import type { StepResult } from "../../kernel/call.ts";
import {
  CWD,
  chdir,
  chroot,
  close,
  fchdir,
  mount,
  mountSetattr,
  moveMount,
  openat,
  openat2,
  openTree,
  pivotRoot,
  umount2,
} from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  MNT_DETACH,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_REC,
  MS_SLAVE,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  OPEN_TREE_CLONE,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_XDEV,
} from "../../kernel/constants.ts";
import type { OpenOnHost } from "./mount-job.ts";
import { PROPAGATIONS } from "./mount-options.ts";

/** A propagation option of the spec (`rslave`) as flags of mount(2). */
function propagationFlags(option: string): number {
  const recursive = option.startsWith("r") && option.slice(1) in PROPAGATIONS;
  return (PROPAGATIONS[recursive ? option.slice(1) : option] ?? 0) | (recursive ? MS_REC : 0);
}

/**
 * Propagation of a container's copy of the host's mounts, until its root is entered, as flags of mount(2). An unbindable
 * mount could not be bound as the rootfs.
 */
export function propagationOfCopy(propagation: string | undefined): number {
  if (propagation === undefined) return MS_REC | MS_SLAVE;
  if (propagation === "unbindable") return MS_PRIVATE;
  return propagation === "runbindable" ? MS_REC | MS_PRIVATE : propagationFlags(propagation);
}

/** What errnos mean for a change of the propagation of tsrun's own root. */
export const OF_OWN_ROOT = {
  EINVAL: "tsrun's own root is no mount point: before chroot(1), bind it to itself (mount --bind DIR DIR)",
} as const;

/**
 * In a new mount namespace: ends propagation to the host (unless rootfsPropagation says otherwise) and makes the rootfs
 * a mount of its own, as pivot_root(2) needs it. Returns a descriptor of that mount.
 */
export function bindRootfs(
  program: Program,
  rootfs: string,
  propagation: string | undefined,
  parentMount: string | null,
  openOnHost: OpenOnHost,
): StepResult {
  program.by("config.json: linux.rootfsPropagation");
  program.add(mount("", "/", "", propagationOfCopy(propagation)), [], OF_OWN_ROOT);
  const isSlave = propagation?.endsWith("slave") ?? false;
  // With a shared parent the new mount would propagate to the host, and pivot_root(2) refuses it.
  if (parentMount !== null) program.add(mount("", parentMount, "", isSlave ? MS_SLAVE : MS_PRIVATE));
  program.by(`config.json: root.path (${rootfs})`);
  const place = openOnHost((host) => host.add(openat(CWD, rootfs, O_PATH | O_DIRECTORY)));
  const root = program.add(openTree(place, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH));
  // The copy of a slave is a slave: what the host later mounts below the rootfs appears in the container. Who sets
  // rootfsPropagation to slave asks for that (config-linux.md).
  if (!isSlave) program.add(mountSetattr(root, "", AT_EMPTY_PATH, { propagation: MS_PRIVATE }));
  program.add(moveMount(root, place));
  return root;
}

/** Makes the root mount itself read-only; mounts below it keep what their options say. */
export function protectRoot(program: Program, root: StepResult): void {
  program.by("config.json: root.readonly");
  program.add(mountSetattr(root, "", AT_EMPTY_PATH, { set: MOUNT_ATTR_RDONLY }));
}

/** A way to make `root` the root of a new mount namespace, with rootfsPropagation `propagation`. */
export type EnterRoot = (program: Program, root: StepResult, propagation: string | undefined) => void;

/**
 * Makes `root` the root of the mount namespace and unmounts the old one: from here on no path leads to the
 * host's files. `pivot_root(".", ".")` stacks the old root on the new one, see NOTES in pivot_root(2).
 */
export function pivot(program: Program, root: StepResult, propagation: string | undefined): void {
  program.by("config.json: root.path");
  const old = program.add(openat(CWD, "/", O_RDONLY | O_DIRECTORY));
  program.add(fchdir(root));
  program.add(pivotRoot(".", "."));
  program.add(fchdir(old));
  // Unmounting must not reach the host: see propagation in mount_namespaces(7).
  program.add(mount("", ".", "", MS_REC | MS_SLAVE));
  program.add(umount2(".", MNT_DETACH));
  program.add(chdir("/"));
  refuseCoveredRoot(program);
  propagate(program, propagation);
}

/** Applies rootfsPropagation to the new root. */
export function propagate(program: Program, propagation: string | undefined): void {
  if (propagation === undefined) return;
  program.by("config.json: linux.rootfsPropagation");
  program.add(mount("", "/", "", propagationFlags(propagation)));
}

/**
 * If a link of the image leads a mount, a mask or a read-only path to the root itself, "/" would still be the mount
 * below it: ".." from the root must not end on another mount (EXDEV).
 */
export function refuseCoveredRoot(program: Program): void {
  program.by(
    "config.json: mounts, linux.maskedPaths or linux.readonlyPaths lead to the root itself, or a hook has mounted over it",
  );
  program.add(close(program.add(openat2(CWD, "..", O_PATH, RESOLVE_NO_XDEV))));
}

/** Without a new mount namespace: chroot(2) into the rootfs. */
export function changeRoot(program: Program, root: StepResult): void {
  program.by("config.json: root.path").add(fchdir(root));
  program.add(chroot("."));
  program.add(chdir("/"));
  refuseCoveredRoot(program);
}

/**
 * Opens the rootfs by its path. In a joined mount namespace another container may have put a magic link there, which
 * could lead to the host through the agent's descriptors (CVE-2024-21626).
 */
export function openRootfs(program: Program, rootfs: string): StepResult {
  program.by(`config.json: root.path (${rootfs})`);
  return program.add(openat2(CWD, rootfs, O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS));
}
