import { fromCaller } from "../container/host-paths.ts";
import { Store } from "../container/store.ts";
import type { Globals } from "./table.ts";

/** The containers below `--root`. */
export function storeOf(globals: Globals): Store {
  return new Store(fromCaller(globals.root));
}
