import { containerStatus, stateOf } from "../container/status.ts";
import { DamagedState, type Saved, type StateDirectory, type Store } from "../container/store.ts";
import { userName } from "../container/user-name.ts";
import { warnings } from "./log.ts";
import { print, table } from "./output.ts";
import type { InvocationOf } from "./parse.ts";
import { storeOf } from "./store-of.ts";

/** `tsrun list`: in a table, as JSON, or the ids alone, in runc's shapes. */
export function list({ globals, flags }: InvocationOf<"list">): number {
  const store = storeOf(globals);
  const warn = warnings(globals);
  if (flags.quiet)
    print(
      store
        .ids()
        .map((id) => `${id}\n`)
        .join(""),
    );
  else if (flags.format === "json") print(`${JSON.stringify(containers(store, warn))}\n`);
  else {
    const rows = containers(store, warn).map(({ id, pid, status, bundle, created, owner }) => [
      id,
      String(pid),
      status,
      bundle,
      created,
      owner,
    ]);
    print(table([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"], ...rows]));
  }
  return 0;
}

function containers(store: Store, warn: (message: string) => void) {
  return store.ids().flatMap((id) => {
    using directory = store.find(id);
    const saved = directory && savedOf(directory, warn);
    if (directory === null || !saved) return []; // deleted since, or not written yet
    const { rootfs, created, owner } = saved;
    return [
      { ...stateOf(saved, containerStatus(directory, saved)), rootfs, created, owner: userName(owner) },
    ];
  });
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
