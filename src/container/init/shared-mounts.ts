/**
 * Containers without a mount namespace of their own. One that stays in tsrun's has its mounts there, in a copy of the
 * rootfs that is mounted over it: with the container goes that one mount, and all that is on it. Mounts of the host in
 * the rootfs were copied with it and are not touched; what is mounted in the copy spreads nowhere.
 */
import type { Config } from "../../../runtime-spec/config.ts";
import { CWD, close, mountSetattr, moveMount, openat, openTree, umount2 } from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  MNT_DETACH,
  MS_PRIVATE,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  OPEN_TREE_CLONE,
  UMOUNT_NOFOLLOW,
} from "../../kernel/constants.ts";
import { status, statusIfThere } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { fail } from "../../linux/config-error.ts";
import { DamagedState, type Saved, type StateDirectory, Store } from "../state/store.ts";

type Need = readonly [path: string, given: (config: Config) => boolean];

/** What is made in mounts that others have too, by path: with the container it goes again. */
const MADE: readonly Need[] = [
  ["mounts", ({ mounts = [] }) => mounts.length > 0],
  ["root.readonly", ({ root }) => root?.readonly === true],
  ["linux.devices", ({ linux }) => (linux?.devices ?? []).length > 0],
  ["linux.sysctl", ({ linux }) => Object.keys(linux?.sysctl ?? {}).length > 0],
];

/** What would change the mounts of others. */
const CHANGED: readonly Need[] = [
  ["linux.maskedPaths", ({ linux }) => (linux?.maskedPaths ?? []).length > 0],
  ["linux.readonlyPaths", ({ linux }) => (linux?.readonlyPaths ?? []).length > 0],
  ["linux.rootfsPropagation", ({ linux }) => linux?.rootfsPropagation !== undefined],
];

/** Its path is the host's (config.md): in another container's mounts that one would choose what runs there as root. */
const INSIDE: readonly Need[] = [
  ["hooks.createContainer", ({ hooks }) => (hooks?.createContainer ?? []).length > 0],
];

/**
 * Whether a container without a mount namespace of its own has mounts to make, in those that tsrun is in. A namespace
 * that is joined is left as it is: others would see the mounts, and they would stay when the container is gone; nor can
 * a user namespace change one that it does not own.
 * @throws ConfigError
 */
export function mountsInShared(config: Config): boolean {
  const { namespaces = [] } = config.linux ?? {};
  const foreign = namespaces.some(({ type }) => type === "mount" || type === "user");
  const joined = namespaces.some(({ type }) => type === "mount");
  refuse(config, [...CHANGED, ...(foreign ? MADE : []), ...(joined ? INSIDE : [])]);
  return MADE.some(([, given]) => given(config));
}

function refuse(config: Config, needs: readonly Need[]): void {
  for (const [path, given] of needs)
    if (given(config))
      fail(
        path,
        'needs a mount namespace of the container\'s own: add { "type": "mount" } to linux.namespaces',
      );
}

/** A copy of the rootfs that is mounted nowhere yet, and the mounts that cover the rootfs once it does. */
export function copyRootfs(rootfs: string, directory: StateDirectory) {
  const place = here(openat(CWD, rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC));
  const { mount: covered } = status("", AT_EMPTY_PATH, place);
  const tree = here(openTree(place, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH | O_CLOEXEC));
  here(close(place));
  here(mountSetattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, { propagation: MS_PRIVATE }));
  const { mount } = status("", AT_EMPTY_PATH, tree);
  const below = coversOfOthers(directory).find(([top]) => top === covered) ?? [];
  return { tree, mounts: [mount, ...below] };
}

/** Mounts the copy over the rootfs, and closes it. */
export function coverRootfs(rootfs: string, tree: number): void {
  const place = here(openat(CWD, rootfs, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  here(moveMount(tree, place));
  here(close(place));
  here(close(tree));
}

/**
 * Takes away what covers the rootfs, with all that is mounted there; nothing where that is not the container's. What
 * another container has on top stays, and takes this one's away when it goes.
 */
export function uncoverRootfs({ rootfs, sharedRoots = [] }: Saved, directory: StateDirectory): void {
  const kept = new Set(coversOfOthers(directory).map(([top]) => top));
  for (const mount of sharedRoots) {
    if (kept.has(mount) || statusIfThere(rootfs)?.mount !== mount) return;
    here(umount2(rootfs, MNT_DETACH | UMOUNT_NOFOLLOW));
  }
}

/** What the other containers of the store have over rootfs. */
function coversOfOthers({ id: own, path }: StateDirectory): readonly (readonly number[])[] {
  const store = new Store(path.slice(0, -own.length - 1));
  return store.ids().flatMap((id) => {
    using directory = id === own ? null : store.find(id);
    const { sharedRoots } = (directory && savedOf(directory)) ?? {};
    return sharedRoots === undefined ? [] : [sharedRoots];
  });
}

/** Null where it is damaged, or not written yet. */
function savedOf(directory: StateDirectory): Saved | null {
  try {
    return directory.read();
  } catch (error) {
    if (error instanceof DamagedState) return null;
    throw error;
  }
}
