import type { Caller } from "../../agent/caller.ts";
import { userName } from "../../container/caller/caller.ts";
import { containerStatus, stateOf } from "../../container/state/status.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun state ID`: the spec's state, and as runc adds them rootfs, created and owner. */
export function state({ globals, args: [id] }: InvocationOf<"state">, caller: Caller): number {
  using directory = storeOf(globals, caller).open(id);
  const saved = directory.read();
  if (saved === null)
    throw new UserError(
      directory.busy
        ? `container ${id} has no state yet: it is being created`
        : `container ${id} has no state: its creator was killed, or has just begun; \`tsrun delete --force ${id}\` removes what there is`,
    );
  const { annotations, ...rest } = stateOf(saved, containerStatus(directory, saved));
  const { rootfs, created, owner } = saved;
  const shown = { ...rest, rootfs, created, ...(annotations && { annotations }), owner: userName(owner) };
  print(`${JSON.stringify(shown, null, 2)}\n`);
  return 0;
}
