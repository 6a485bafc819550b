/**
 * Where the source of a bind mount is. `mounts` are made in order: a source below the rootfs may lie on an earlier
 * mount of the same config. The kernel resolves it when its turn comes; this predicts what it will be.
 */
import type { Mount } from "../../../runtime-spec/config.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_PATH } from "../../kernel/constants.ts";
import { readLink } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { names } from "../inside.ts";
import { isAbsolute, join } from "../paths.ts";
import { isBind } from "./mount-options.ts";

interface Places {
  /** The directories that the config's paths start from. */
  readonly bundle: string;
  readonly rootfs: string;
  readonly mounts: readonly Mount[];
}

/** The absolute path of a bind mount's source. */
export const sourcePath = ({ source = "" }: Mount, { bundle }: Pick<Places, "bundle">): string =>
  isAbsolute(source) ? source : join(bundle, source);

/** Those of all bind mounts. */
export function bindSources(mounts: readonly Mount[], places: Pick<Places, "bundle">): readonly string[] {
  return mounts.filter(isBind).map((mount) => sourcePath(mount, places));
}

/** Whether the path is in the rootfs, by its text. */
export const isBelow = (path: string, { rootfs }: Pick<Places, "rootfs">): boolean =>
  `${join(path)}/`.startsWith(`${rootfs}/`);

/**
 * What a path of the host will show once the first `count` mounts are made, as a path before anything is mounted; null
 * if a new file system covers it.
 */
export function placeBefore(path: string, count: number, places: Places): string | null {
  if (!isBelow(path, places)) return path;
  const inside = names(join(path).slice(places.rootfs.length));
  const earlier = places.mounts.slice(0, count);
  const index = earlier.findLastIndex(({ destination }) => covers(names(destination), inside));
  const mount = earlier[index];
  if (mount === undefined) return path;
  if (!isBind(mount)) return null;
  const rest = inside.slice(names(mount.destination).length);
  return placeBefore(join(sourcePath(mount, places), ...rest), index, places);
}

function covers(mounted: readonly string[], path: readonly string[]): boolean {
  return mounted.every((name, index) => name === path[index]);
}

/**
 * Whether a path of the host that leads nowhere yet might do so once the mounts before it are made: what there is of it
 * lies in the rootfs, perhaps by way of symbolic links.
 */
export function mayAppear(path: string, { rootfs }: Pick<Places, "rootfs">): boolean {
  for (let parent = join(path); parent !== "/"; parent = join(parent, "..")) {
    const real = realPath(parent);
    if (real !== null) return isBelow(real, { rootfs: realPath(rootfs) ?? rootfs });
  }
  return false;
}

/** The path without symbolic links; null where it leads nowhere. */
function realPath(path: string): string | null {
  const fd = attempt(openat(CWD, path, O_PATH));
  if (fd < 0) return null;
  const real = readLink(`/proc/self/fd/${fd}`);
  here(close(fd));
  return real;
}
