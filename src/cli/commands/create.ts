import type { Caller } from "../../agent/caller.ts";
import { HeldSignals } from "../../container/foreground/foreground.ts";
import { consoleFor } from "../console.ts";
import { bundleOf, createContainer, showSteps } from "../creation.ts";
import type { InvocationOf } from "../grammar/parse.ts";

/** `tsrun create ID`: the container waits for `tsrun start`. */
export async function create(invocation: InvocationOf<"create">, caller: Caller): Promise<number> {
  if (invocation.flags.dryRun) return showSteps(invocation, caller);
  const bundle = bundleOf(invocation, caller);
  const { consoleSocket } = invocation.flags;
  const console = await consoleFor(bundle.process, { consoleSocket, detach: true });
  new HeldSignals(); // until tsrun ends
  using _ = (await createContainer(invocation, caller, bundle, console)).directory;
  return 0;
}
