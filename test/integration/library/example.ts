/** The example of docs/architecture.md, as that has it but for the paths of imports. */
import { OwnCaller } from "../../../src/agent/own-caller.ts";
import { readBundle } from "../../../src/container/bundle.ts";
import { create } from "../../../src/container/create.ts";
import { remove } from "../../../src/container/delete.ts";
import { start } from "../../../src/container/start.ts";
import { Store } from "../../../src/container/state/store.ts";
import { serveMany } from "../../../src/kernel/wait.ts";

serveMany();

/** Runs a bundle's program to its end, and deletes the container. Returns the program's status (wait(2)). */
export async function runToEnd(root: string, bundle: string, id: string): Promise<number> {
  const store = new Store(root, new OwnCaller());
  const { directory, saved, agent } = await create(store, readBundle(bundle, store.caller), {
    ...{ id, warn: console.warn, ownKeyring: true, noPivot: false, rootless: false, systemdCgroup: false },
    ...{ looksFirst: true, preservedFds: 0, gaps: [], pidFile: undefined, console: null },
    ...{ prepare: undefined, announce: undefined, debug: undefined },
  });
  agent[Symbol.dispose](); // gives memory back
  directory[Symbol.dispose](); // unlocks the container
  await start(store, id, console.warn, null);
  let status: number | null = null;
  while (status === null) {
    await Bun.sleep(10);
    status = store.caller.reap(saved.init.pid, false);
  }
  await remove(store, id, true, console.warn);
  return status;
}
