/**
 * The rootfs as criu(8) wants it to restore a container: mounted at a place of its own, with places in it for what
 * criu mounts there.
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
import { CRIU_ROOT, type StateDirectory, unmountRoot } from "../state/store.ts";

/**
 * Mounts the rootfs in the state directory; returns where. `releaseRoot` takes it away again.
 *
 * A container's root may have been a slave of the host's mount when it was saved. Then criu makes the new one a slave of
 * the mount that this one is a slave of, and fails where there is none. So this one is always a slave, but not of a
 * mount of the host's: of one below it that nobody else has, and with which the bond ends. @throws SyscallError
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

/** The container has mounts of its own by now. */
export function releaseRoot(path: string): void {
  unmountRoot(path);
  removeDirectory(path);
}

/**
 * Makes the places for mounts that a rootfs lacks which the container was not made in. Those in a file system that
 * criu fills itself are there already.
 */
export function makePlaces({ config, path: bundle, rootfs }: Bundle): void {
  const root = here(openat(CWD, rootfs, O_PATH | O_DIRECTORY));
  try {
    for (const { place, isFile } of placesOf(config, bundle)) makePlace(root, place, isFile);
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

/** Makes what is missing on the way, link by link inside the rootfs, whatever these are. */
function makePlace(root: number, place: string, isFile: boolean): void {
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
