import type { Caller } from "../../agent/caller.ts";
import { userName } from "../../container/caller/caller.ts";
import { type ContainerStatus, containerStatus, stateOf } from "../../container/state/status.ts";
import { DamagedState, type Saved, type StateDirectory, type Store } from "../../container/state/store.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { warnings } from "../log.ts";
import { print, table } from "../output.ts";
import { storeOf } from "../store-of.ts";

/** What runc tells of each, too. */
type Told = ReturnType<typeof stateOf<ContainerStatus>> &
  Pick<Saved, "rootfs" | "created"> & { owner: string };

/**
 * `tsrun list`: in a table, as JSON, or the ids alone, in runc's shapes. All in plain loops: `map` and its like are
 * compiled at their first use in a process, and four of them would be a tenth of what this takes.
 */
export function list({ globals, flags }: InvocationOf<"list">, caller: Caller): number {
  const store = storeOf(globals, caller);
  const warn = warnings(globals);
  if (flags.quiet) print(lines(store.ids()));
  else if (flags.format === "json") print(`${JSON.stringify(containers(store, warn))}\n`);
  else {
    const rows = [["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]];
    for (const { id, pid, status, bundle, created, owner } of containers(store, warn))
      rows.push([id, String(pid), status, bundle, created, owner]);
    print(table(rows));
  }
  return 0;
}

function lines(words: readonly string[]): string {
  let text = "";
  for (const word of words) text += `${word}\n`;
  return text;
}

function containers(store: Store, warn: (message: string) => void): readonly Told[] {
  const all: Told[] = [];
  for (const id of store.ids()) {
    using directory = store.find(id);
    const saved = directory && savedOf(directory, warn);
    if (directory === null || !saved) continue; // deleted since, or not written yet
    const { rootfs, created, owner } = saved;
    const state = stateOf(saved, containerStatus(directory, saved));
    all.push({ ...state, rootfs, created, owner: userName(owner) });
  }
  return all;
}

/** A container whose state is damaged does not keep the others from being told. */
function savedOf(directory: StateDirectory, warn: (message: string) => void): Saved | null {
  try {
    return directory.read();
  } catch (error) {
    if (!(error instanceof DamagedState)) throw error;
    warn(error.message);
    return null;
  }
}
