/** `mounts remove`: takes mounts away from a container that runs, those of its config and those that were added. */
import type { Mount } from "../../../runtime-spec/config.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { Store } from "../state/store.ts";
import { undoing } from "../state/undo.ts";
import { requireStatus } from "../state/verbs.ts";
import type { PlaceOf } from "./add.ts";
import { enterMounts, requireOwnMounts } from "./inside.ts";
import { indexAt, type KnownMounts, saveMounts } from "./saved-mounts.ts";
import { lookAt, unmount } from "./unmount.ts";

/**
 * Unmounts what is at the destinations, the last one first; all else of `wanted` is not looked at. Nothing is unmounted
 * when the container is not known to have one of them. `warn` is told of what the container has unmounted itself.
 * @throws UserError
 */
export async function removeMounts(
  store: Store,
  id: string,
  wanted: readonly Mount[],
  placeOf: PlaceOf,
  warn: (line: string) => void,
): Promise<void> {
  using directory = store.open(id);
  await directory.lock();
  const { saved } = requireStatus("mounts", directory);
  const config = directory.config();
  requireOwnMounts(id, config);
  const { removed, known } = without(
    { mounts: config.mounts ?? [], added: saved.addedMounts ?? 0 },
    wanted,
    placeOf,
  );
  await undoing(async (undo) => {
    const inside = await enterMounts(directory, saved, undo);
    for (const { mount, place: where } of removed) {
      const place = lookAt(inside, saved, mount);
      await inside.agent.run();
      if (place.mount() === null) warn(`${where}: ${mount.destination} was unmounted already`);
      else unmount(inside, place);
      await inside.agent.run();
    }
    saveMounts(directory, saved, known);
  });
}

interface Removed {
  readonly mount: Mount;
  readonly place: string;
}

/** The mounts to remove in the order in which that is done, and those that are left. @throws UserError */
function without(
  { mounts, added }: KnownMounts,
  wanted: readonly Mount[],
  placeOf: PlaceOf,
): { readonly removed: readonly Removed[]; readonly known: KnownMounts } {
  const left = [...mounts];
  let leftAdded = added;
  const removed = [...wanted.entries()].reverse().map(([index, { destination }]): Removed => {
    const at = indexAt(left, destination);
    const mount = left[at];
    if (mount === undefined)
      throw new UserError(
        `${placeOf(index)}.destination`,
        `the container has no mount on ${destination}: \`tsrun mounts list\` shows those that it has`,
      );
    if (at >= left.length - leftAdded) leftAdded -= 1;
    left.splice(at, 1);
    return { mount, place: placeOf(index) };
  });
  return { removed, known: { mounts: left, added: leftAdded } };
}
