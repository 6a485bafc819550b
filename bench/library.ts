/** The life of a container in tsrun's library, in the bench's own process, which has done it before. */
import { OwnCaller } from "../src/agent/own-caller.ts";
import { readBundle } from "../src/container/bundle.ts";
import { create } from "../src/container/create.ts";
import { remove } from "../src/container/delete.ts";
import { kill } from "../src/container/kill.ts";
import { start } from "../src/container/start.ts";
import { Store } from "../src/container/state/store.ts";
import { SIGNALS } from "../src/kernel/signals.ts";
import type { Course } from "./course.ts";
import type { Measurement, Turn } from "./rounds.ts";

const caller = new OwnCaller();
const none = undefined;
const warn = (line: string) => console.error(`bench: ${line}`);

export function libraryTurn({ place, bundles }: Course): Turn {
  const store = new Store(`${place.state}/library`, caller);
  return {
    contender: "library",
    async take(id) {
      const laps: Measurement[] = [];
      const timed = async <T>(measure: Measurement["measure"], act: () => Promise<T>): Promise<T> => {
        const began = performance.now();
        const result = await act();
        laps.push({ measure, value: performance.now() - began });
        return result;
      };
      const init = await timed("create", () => created(store, bundles.sleep, id));
      await timed("start", () => start(store, id, warn, null));
      await timed("kill", () => kill(store, id, SIGNALS.SIGKILL, false));
      caller.reap(init, true);
      await timed("delete", () => remove(store, id, false, warn));
      return [...laps, { measure: "life", value: laps.reduce((sum, { value }) => sum + value, 0) }];
    },
  };
}

async function created(store: Store, bundle: string, id: string): Promise<number> {
  const made = await create(store, readBundle(bundle, caller), {
    ...{
      id,
      pidFile: none,
      prepare: none,
      systemdCgroup: false,
      preservedFds: 0,
      gaps: [],
      noPivot: false,
      looksFirst: true,
    },
    ...{ ownKeyring: true, rootless: false, console: null, announce: none, debug: none, warn },
  });
  using _ = made.agent;
  using directory = made.directory;
  return directory.read()?.init?.pid ?? 0;
}
