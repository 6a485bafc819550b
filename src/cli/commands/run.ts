import { removeEnded } from "../../container/delete.ts";
import { exitStatus } from "../../container/foreground/foreground.ts";
import { afterStart, beforeStart, orDestroyed, wake } from "../../container/start.ts";
import { asAnnotated } from "../../container/timeline/annotation.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { consoleFor, outputFor } from "../making/console.ts";
import { bundleToCreate, createContainer, showSteps } from "../making/creation.ts";
import { readinessFor } from "../making/notify.ts";
import { adopting, waitFor } from "../making/orphans.ts";
import { warnings } from "../output/log.ts";
import type { Session } from "../session/session.ts";

/**
 * `tsrun run ID`: create, start, wait; the exit status is the container's. Afterwards the container is deleted unless
 * --keep is given; one that cannot be started is deleted at once.
 */
export async function run(invocation: InvocationOf<"run">, session: Session): Promise<number> {
  const { globals, flags } = invocation;
  if (flags.dryRun) return showSteps(invocation, session);
  const warn = warnings(session, globals);
  const bundle = bundleToCreate(invocation, session);
  using output = await outputFor(session.caller, bundle.process, flags);
  const console = await consoleFor(session.caller, bundle.process, flags);
  using terminal = console?.kind === "caller" ? console : null;
  const readiness = await readinessFor(session.caller, warn);
  using held = await session.holdSignals();
  const { directory, saved, agent } = await createContainer(invocation, session, bundle, console, held);
  using _ = directory;
  const start = async () => {
    using _ = session.livesOn ? agent : null;
    const subreaper = await adopting(session, flags, saved.init);
    await beforeStart(directory, saved);
    readiness?.listen(directory);
    const foreground = flags.detach ? null : await session.foreground(saved.init.pid, terminal);
    await wake(directory, saved, agent.parked);
    return { foreground, subreaper };
  };
  const command = { verb: "start", id: directory.id, caller: session.caller, warn } as const;
  const { foreground, subreaper } = await orDestroyed(directory, warn, () =>
    asAnnotated(saved, command, start),
  );
  output?.keep();
  for (const signal of held.release()) foreground?.send(signal);
  directory.unlock();
  await afterStart(directory, saved, warn);
  if (foreground === null) {
    await readiness?.forward(saved.init, saved.init.pid);
    return 0;
  }
  const [status] = await Promise.all([
    waitFor(foreground, saved.init, subreaper),
    readiness?.forward(saved.init, session.pid), // the container may say that it is ready and end at once
  ]);
  if (flags.keep) await (await import("../../container/state/ending.ts")).rememberEnd(directory, status);
  else await removeEnded(directory, warn);
  return exitStatus(status);
}
