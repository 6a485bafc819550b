import { containerStatus, stateOf } from "../container/status.ts";
import type { Store } from "../container/store.ts";
import { userName } from "../container/user-name.ts";
import { print, table } from "./output.ts";
import type { InvocationOf } from "./parse.ts";
import { storeOf } from "./store-of.ts";

/** `tsrun list`: in a table, as JSON, or the ids alone, in runc's shapes. */
export function list({ globals, flags }: InvocationOf<"list">): number {
  const store = storeOf(globals);
  if (flags.quiet)
    print(
      store
        .ids()
        .map((id) => `${id}\n`)
        .join(""),
    );
  else if (flags.format === "json") print(`${JSON.stringify(containers(store))}\n`);
  else {
    const rows = containers(store).map(({ id, pid, status, bundle, created, owner }) => [
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

function containers(store: Store) {
  return store.ids().flatMap((id) => {
    using directory = store.find(id);
    const saved = directory?.read();
    if (directory === null || !saved) return []; // deleted since, or not written yet
    const { rootfs, created, owner } = saved;
    return [
      { ...stateOf(saved, containerStatus(directory, saved)), rootfs, created, owner: userName(owner) },
    ];
  });
}
