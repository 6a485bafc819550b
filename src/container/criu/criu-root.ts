/**
 * The rootfs as criu(8) needs it for a restore: mounted at a place of its own, with a mount point in it for each mount
 * that criu makes.
 */
import type { Config } from "../../../runtime-spec/config.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, mkdirat, mknodat, mount, openat, openat2 } from "../../kernel/calls.ts";
import {
  MS_BIND,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  O_DIRECTORY,
  O_PATH,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { makeDirectory, removeDirectory, statusIfThere } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { INSIDE, names, openInside } from "../../linux/inside.ts";
import { isBind } from "../../linux/mounts/mount-options.ts";
import { isAbsolute, join } from "../../linux/paths.ts";
import type { Bundle } from "../bundle.ts";
import { CRIU_ROOT, type StateDirectory, unmountRoot } from "../state/state-directory.ts";

/**
 * Mounts the rootfs in the state directory; returns where. `releaseRoot` unmounts it.
 *
 * If the container's root was a slave mount when it was saved, criu makes the new root a slave of this mount's master,
 * and fails if this mount has none. So it is always a slave: of a private master made for it alone, stacked below it,
 * so that nothing of the host's propagates into the container. @throws SyscallError
 */
export function mountRoot(directory: StateDirectory, rootfs: string): string {
  const path = `${directory.path}/${CRIU_ROOT}`;
  makeDirectory(path, 0o700);
  here(mount(rootfs, path, "", MS_BIND | MS_REC));
  here(mount("", path, "", MS_REC | MS_PRIVATE));
  here(mount("", path, "", MS_SHARED));
  here(mount(path, path, "", MS_BIND | MS_REC));
  here(mount("", path, "", MS_REC | MS_SLAVE));
  return path;
}

/** Unmounts the rootfs, once the restored container has its own mounts. */
export function releaseRoot(path: string): void {
  unmountRoot(path);
  removeDirectory(path);
}

/**
 * Makes the mount points that a rootfs lacks if it is not the one that the container was created in. Those in a file
 * system whose content criu restores are there already.
 */
export function makeMountpoints({ config, path: bundle, rootfs }: Bundle): void {
  const root = here(openat(CWD, rootfs, O_PATH | O_DIRECTORY));
  try {
    for (const { place, isFile } of placesOf(config, bundle)) makeMountpoint(root, place, isFile);
  } finally {
    here(close(root));
  }
}

function placesOf({ mounts = [] }: Config, bundle: string) {
  const filled = mounts
    .filter(({ type }) => type === "tmpfs")
    .map(({ destination }) => join("/", destination));
  return mounts.flatMap((mount) => {
    const place = join("/", mount.destination);
    if (filled.some((above) => place.startsWith(`${above}/`))) return [];
    return [{ place, isFile: isBind(mount) && !isDirectory(mount.source ?? "", bundle) }];
  });
}

function isDirectory(source: string, bundle: string): boolean {
  const status = statusIfThere(isAbsolute(source) ? source : join(bundle, source));
  return status === null || (status.mode & S_IFMT) === S_IFDIR;
}

/** Makes what is missing of a path; symbolic links are resolved inside the rootfs. */
function makeMountpoint(root: number, place: string, isFile: boolean): void {
  const parts = names(place);
  for (const index of parts.keys()) {
    const isLast = index === parts.length - 1;
    const above = parts.slice(0, index).join("/") || ".";
    const parent = openInside(root, above, O_PATH | O_DIRECTORY);
    if (parent < 0) throw new SyscallError(openat2(root, above, O_PATH | O_DIRECTORY, INSIDE), -parent);
    const name = parts[index] ?? "";
    const make = isLast && isFile ? mknodat(parent, name, S_IFREG | 0o644, 0) : mkdirat(parent, name, 0o755);
    const result = attempt(make);
    here(close(parent));
    if (result < 0 && result !== -ERRNO.EEXIST) throw new SyscallError(make, -result);
  }
}
