/**
 * Containers without a mount namespace of their own. If one stays in tsrun's mount namespace, a copy of its rootfs is
 * mounted over the rootfs, and the container's mounts go there. Deleting the container removes that one mount with
 * everything on it. The host's own mounts in the rootfs stay untouched below, and nothing propagates from the copy.
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
  O_PATH,
  OPEN_TREE_CLONE,
} from "../../kernel/constants.ts";
import { status, statusIfThere } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { fail } from "../../kernel/user-error.ts";
import type { Saved } from "../state/saved.ts";
import { DamagedState, type StateDirectory } from "../state/state-directory.ts";
import { Store } from "../state/store.ts";

type Need = readonly [path: string, given: (config: Config) => boolean];

/** Mounts that are made where other processes see them, by path. They are removed with the container. */
const MADE: readonly Need[] = [
  ["mounts", ({ mounts = [] }) => mounts.length > 0],
  ["root.readonly", ({ root }) => root?.readonly === true],
  ["linux.devices", ({ linux }) => (linux?.devices ?? []).length > 0],
  ["linux.sysctl", ({ linux }) => Object.keys(linux?.sysctl ?? {}).length > 0],
];

/** Properties that would change other processes' mounts. */
const CHANGED: readonly Need[] = [
  ["linux.maskedPaths", ({ linux }) => (linux?.maskedPaths ?? []).length > 0],
  ["linux.readonlyPaths", ({ linux }) => (linux?.readonlyPaths ?? []).length > 0],
  ["linux.rootfsPropagation", ({ linux }) => linux?.rootfsPropagation !== undefined],
];

/** A hook's path is the host's (config.md): in another container's mounts, that container could replace the program. */
const INSIDE: readonly Need[] = [
  ["hooks.createContainer", ({ hooks }) => (hooks?.createContainer ?? []).length > 0],
];

/**
 * Whether a container without a mount namespace of its own makes mounts in tsrun's. A joined mount namespace is left as
 * it is: its other processes would see the mounts, which would outlive the container; and a user namespace can't change
 * a mount namespace that it does not own.
 * @throws UserError
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
  const place = here(openat(CWD, rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC));
  here(moveMount(tree, place));
  here(close(place));
  here(close(tree));
}

/**
 * Unmounts the copy that covers the rootfs, with all mounts on it; does nothing if the mount there is another one. If
 * another container's copy is on top, that stays, and its removal takes this one away too.
 */
export function uncoverRootfs({ rootfs, sharedRoots = [] }: Saved, directory: StateDirectory): void {
  const kept = new Set(coversOfOthers(directory).map(([top]) => top));
  for (const mount of sharedRoots) {
    if (kept.has(mount) || statusIfThere(rootfs)?.mount !== mount) return;
    here(umount2(rootfs, MNT_DETACH));
  }
}

/** The mounts over a rootfs that belong to other containers in the store. */
function coversOfOthers({ id: own, path, caller }: StateDirectory): readonly (readonly number[])[] {
  const store = new Store(path.slice(0, -own.length - 1), caller);
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
