import type { InvocationOf } from "../grammar/parse.ts";
import { consoleFor, outputFor } from "../making/console.ts";
import { bundleToCreate, createContainer, showSteps } from "../making/creation.ts";
import type { Session } from "../session/session.ts";

/** `tsrun create ID`: the container waits for `tsrun start`. */
export async function create(invocation: InvocationOf<"create">, session: Session): Promise<number> {
  if (invocation.flags.dryRun) return showSteps(invocation, session);
  const bundle = bundleToCreate(invocation, session);
  using output = await outputFor(session.caller, bundle.process, invocation.flags);
  const { consoleSocket } = invocation.flags;
  const console = await consoleFor(session.caller, bundle.process, { consoleSocket, detach: true });
  using held = await session.holdSignals();
  const { directory, agent } = await createContainer(invocation, session, bundle, console, held);
  output?.keep();
  directory[Symbol.dispose]();
  if (session.livesOn) agent[Symbol.dispose]();
  return 0;
}
