/** Unmounting in a container that runs, on descriptors: the container may rename what leads to the mount meanwhile. */
import type { Mount } from "../../../runtime-spec/config.ts";
import type { StepResult } from "../../kernel/call.ts";
import { fchdir, openat2, statx, umount2 } from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  MNT_DETACH,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  UMOUNT_NOFOLLOW,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { readStatx, STATX_SIZE } from "../../kernel/structs.ts";
import { INSIDE } from "../../linux/inside.ts";
import { Destinations } from "../../linux/mounts/destination.ts";
import { asksFor, readMountOptions } from "../../linux/mounts/mount-options.ts";
import type { Living } from "../state/saved.ts";
import { type Inside, rootOf } from "./inside.ts";

/** The destination of a mount. */
interface MountPlace {
  readonly parent: StepResult;
  readonly name: string;
  /** The number of the mount that is there, once the steps have run; null for none. */
  readonly mount: () => number | null;
}

const NOTHING = [ERRNO.ENOENT, ERRNO.ENOTDIR, ERRNO.EBADF];

/** Adds the steps that look at a mount's destination. @throws UserError */
export function lookAt({ agent, root }: Inside, saved: Living, mount: Mount): MountPlace {
  const { program } = agent.init;
  const keepsLink = asksFor(readMountOptions(mount.options ?? []), "dest-nofollow");
  using destinations = new Destinations(rootOf(saved));
  const path = destinations.resolve("mounts[0]", mount, keepsLink);
  const slash = path.lastIndexOf("/");
  const above = slash < 0 ? "." : path.slice(0, slash);
  const parent = program.add(openat2(root, above, O_PATH | O_DIRECTORY, INSIDE), NOTHING);
  const place = program.add(openat2(root, path, O_PATH | O_NOFOLLOW, INSIDE), NOTHING);
  const seen = program.add(statx(place, "", AT_EMPTY_PATH, { room: STATX_SIZE }), NOTHING);
  return {
    parent,
    name: path.slice(slash + 1),
    mount() {
      if (agent.init.result(seen) < 0) return null;
      const { mount: number, isMountRoot } = readStatx(agent.init.filled(seen));
      return isMountRoot ? number : null;
    },
  };
}

/**
 * Adds the steps that unmount what is at a place, with all that is mounted on it. Files that are open stay open
 * (MNT_DETACH). A name on which something is mounted can't be renamed or removed, so it is still the same one.
 */
export function unmount({ agent }: Inside, { parent, name }: MountPlace): void {
  const { program } = agent.init;
  program.add(fchdir(parent));
  program.add(umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW));
}
