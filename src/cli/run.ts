import type { Caller } from "../agent/caller.ts";
import { removeEnded } from "../container/delete.ts";
import { Foreground, HeldSignals } from "../container/foreground/foreground.ts";
import { afterStart, beforeStart, orDestroyed, wake } from "../container/start.ts";
import { consoleFor } from "./console.ts";
import { bundleOf, createContainer, showSteps } from "./creation.ts";
import type { InvocationOf } from "./grammar/parse.ts";
import { warnings } from "./log.ts";
import { readinessFor } from "./notify.ts";
import { adopting, waitFor } from "./orphans.ts";

/**
 * `tsrun run ID`: create, start, wait; the exit status is the container's. Afterwards the container is deleted unless
 * --keep is given; one that cannot be started is deleted at once. The agent's memory goes with tsrun, which is quicker
 * than giving it back.
 */
export async function run(invocation: InvocationOf<"run">, caller: Caller): Promise<number> {
  const { globals, flags } = invocation;
  if (flags.dryRun) return showSteps(invocation, caller);
  const warn = warnings(globals);
  const bundle = bundleOf(invocation, caller);
  const console = await consoleFor(bundle.process, flags);
  using terminal = console?.kind === "caller" ? console : null;
  const readiness = await readinessFor(caller, warn);
  const held = new HeldSignals();
  const { directory, saved, agent } = await createContainer(invocation, caller, bundle, console);
  using _ = directory;
  const { foreground, subreaper } = await orDestroyed(directory, warn, async () => {
    const subreaper = await adopting(flags, saved.init);
    await beforeStart(directory, saved);
    readiness?.listen(directory);
    const foreground = flags.detach ? null : new Foreground(saved.init.pid, terminal);
    await wake(directory, saved.init, agent.parked);
    return { foreground, subreaper };
  });
  for (const signal of held.release()) foreground?.send(signal);
  directory.unlock();
  await afterStart(directory, saved, warn);
  if (foreground === null) {
    await readiness?.forward(saved.init, saved.init.pid);
    return 0;
  }
  const [status] = await Promise.all([
    waitFor(foreground, saved.init, subreaper),
    readiness?.forward(saved.init, process.pid), // the container may say that it is ready and end at once
  ]);
  if (!flags.keep) await removeEnded(directory, warn);
  return status;
}
