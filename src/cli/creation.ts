import { type Bundle, readBundle } from "../container/bundle.ts";
import { requireRoot } from "../container/caller.ts";
import { type Created, type CreateOptions, create } from "../container/create.ts";
import { Failure } from "../container/failure.ts";
import { fromCaller } from "../container/host-paths.ts";
import { log } from "./log.ts";
import type { InvocationOf } from "./parse.ts";
import { storeOf } from "./store-of.ts";

/** What `create` and `run` have in common: their flags, up to a container that waits for its start. */
export function createContainer({ globals, flags, args: [id] }: InvocationOf<"create" | "run">): Created {
  requireRoot();
  if (globals.systemdCgroup)
    throw new Failure("--systemd-cgroup is not supported yet: leave it out, and give cgroupsPath as a path");
  const bundle = readBundle(flags.bundle ?? ".");
  for (const warning of bundle.warnings) log(globals, "warning", warning);
  return create(storeOf(globals), bundle, creationOptions(id, flags, bundle));
}

function creationOptions(
  id: string,
  flags: InvocationOf<"create" | "run">["flags"],
  { process }: Bundle,
): CreateOptions {
  if (flags.consoleSocket !== undefined && !process.terminal)
    throw new Failure("--console-socket needs process.terminal to be true in config.json");
  return {
    id,
    pidFile: flags.pidFile === undefined ? undefined : fromCaller(flags.pidFile),
    preservedFds: flags.preserveFds,
  };
}
