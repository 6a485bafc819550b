import type { Caller } from "../../agent/caller.ts";
import { fromCaller, isRootless } from "../../container/caller/caller.ts";
import { Store } from "../../container/state/store.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { Globals } from "../grammar/table.ts";

/** The containers below `--root`; by default in runc's place, but by tsrun's name. @throws UserError */
export function storeOf({ root, rootless }: Globals, caller: Caller): Store {
  if (root !== undefined) return new Store(fromCaller(caller, root), caller);
  return new Store(isRootless(caller, rootless) ? ownRoot(caller) : "/run/tsrun", caller);
}

function ownRoot({ env, uid }: Caller): string {
  const { XDG_RUNTIME_DIR: own = "" } = env;
  if (own === "" && uid === 0) return "/run/tsrun"; // root of a whole system in a user namespace
  if (own === "")
    throw new UserError(
      "an ordinary user's containers are kept below $XDG_RUNTIME_DIR, which is not set: set it, use --root, or run tsrun as root",
    );
  return `${own}/tsrun`;
}
