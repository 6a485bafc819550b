/** What callers are told of containers: the spec's state, and as runc adds them rootfs, created and owner. */
import { UserError } from "../kernel/user-error.ts";
import { userName } from "./caller/caller.ts";
import type { Saved } from "./state/saved.ts";
import { DamagedState, type StateDirectory } from "./state/state-directory.ts";
import { type ContainerStatus, containerStatus, stateOf } from "./state/status.ts";
import type { Store } from "./state/store.ts";

/** Its owner is a user's name. */
export type Description = ReturnType<typeof stateOf<ContainerStatus>> &
  Pick<Saved, "rootfs" | "created"> & { readonly owner: string };

/** One container. @throws UserError when there is no such container, or nothing is known of it */
export function describe(store: Store, id: string): Description {
  using directory = store.open(id);
  const saved = directory.read();
  if (saved !== null) return descriptionOf(directory, saved);
  throw new UserError(
    directory.busy
      ? `container ${id} has no state yet: it is being created`
      : `container ${id} has no state: its creator was killed, or has just begun; \`tsrun delete --force ${id}\` removes what there is`,
  );
}

/** All containers, by their ids. One whose state is damaged does not keep the others from being told. */
export function describeAll(store: Store, warn: (line: string) => void): readonly Description[] {
  const all: Description[] = [];
  for (const id of store.ids()) {
    using directory = store.find(id);
    const saved = directory && savedOf(directory, warn);
    if (directory === null || !saved) continue; // deleted since, or not written yet
    all.push(descriptionOf(directory, saved));
  }
  return all;
}

/** In runc's order. */
function descriptionOf(directory: StateDirectory, saved: Saved): Description {
  const { annotations, ...state } = stateOf(saved, containerStatus(directory, saved));
  const { rootfs, created, owner } = saved;
  return { ...state, rootfs, created, ...(annotations && { annotations }), owner: userName(owner) };
}

function savedOf(directory: StateDirectory, warn: (line: string) => void): Saved | null {
  try {
    return directory.read();
  } catch (error) {
    if (!(error instanceof DamagedState)) throw error;
    warn(error.message);
    return null;
  }
}
