import { fromCaller, requireRoot } from "../../container/caller/caller.ts";
import { removeEnded } from "../../container/delete.ts";
import { exitStatus } from "../../container/foreground/foreground.ts";
import { restore as restoreContainer } from "../../container/restore.ts";
import { orDestroyed } from "../../container/start.ts";
import { optionsFrom, placesFrom } from "../flags/criu.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { consoleFor, outputFor } from "../making/console.ts";
import { bundleOf } from "../making/creation.ts";
import { handedDown } from "../making/handed-down.ts";
import { adopting, waitFor } from "../making/orphans.ts";
import { progressAt } from "../output/criu-progress.ts";
import { warnings } from "../output/log.ts";
import type { Session } from "../session/session.ts";

/** `tsrun restore ID`: as `run`, with a container that `checkpoint` has saved. */
export async function restore(invocation: InvocationOf<"restore">, session: Session): Promise<number> {
  const { caller } = session;
  requireRoot(caller);
  const { globals, flags, args } = invocation;
  const warn = warnings(session, globals);
  const bundle = bundleOf(invocation, session);
  const store = storeOf(globals, caller);
  const handed = await handedDown(session, bundle, `${store.root}/${args[0]}`, 0);
  using output = await outputFor(caller, bundle.process, flags);
  const console = await consoleFor(caller, bundle.process, flags);
  using terminal = console?.kind === "caller" ? console : null;
  using held = await session.holdSignals();
  const places = placesFrom(flags, caller);
  using progress = progressAt(session, globals, { what: `restore ${args[0]}`, images: places.images });
  const { directory, saved } = await restoreContainer(store, handed.bundle, {
    ...places,
    id: args[0],
    pidFile: flags.pidFile === undefined ? undefined : fromCaller(caller, flags.pidFile),
    prepare: handed.prepare,
    systemdCgroup: globals.systemdCgroup,
    console,
    criu: { ...optionsFrom(flags), lsmProfile: flags.lsmProfile, lsmMountContext: flags.lsmMountContext },
    onStage: progress?.reach,
    warn,
  });
  progress?.[Symbol.dispose](); // from here on the terminal is the container's
  using _ = directory;
  const { foreground, subreaper } = await orDestroyed(directory, warn, async () => ({
    foreground: flags.detach ? null : await session.foreground(saved.init.pid, terminal),
    subreaper: await adopting(session, flags, saved.init),
  }));
  output?.keep();
  for (const signal of held.release()) foreground?.send(signal);
  directory.unlock();
  if (foreground === null) return 0;
  const status = await waitFor(foreground, saved.init, subreaper);
  await removeEnded(directory, warn);
  return exitStatus(status);
}
