/** Unpacking as an ordinary user: tsrun is started again as root of a user namespace, where ids are mapped. */
import type { IdMapping } from "../../runtime-spec/config-linux.ts";
import type { Caller } from "../agent/caller.ts";
import { Agent } from "../container/init/agent.ts";
import { execute } from "../container/init/execution.ts";
import { hasGrants, mapGranted, writeOrdinaryMappings } from "../container/init/ordinary-mappings.ts";
import { CWD, close, openat, setresgid, setresuid } from "../kernel/calls.ts";
import { O_CLOEXEC, O_PATH } from "../kernel/constants.ts";
import { readLink, readText } from "../kernel/files.ts";
import { here } from "../kernel/here.ts";
import { UserError } from "../kernel/user-error.ts";
import type { Mappings } from "./bundle-config.ts";

/** The ids of the user namespace that this process is root of; null for that of the machine. */
export function ownMappings({ proc }: Caller): Mappings | null {
  const uidMappings = mappingsIn(readText(`${proc}/uid_map`));
  const [all] = uidMappings;
  if (all?.containerID === 0 && all.hostID === 0 && all.size === 2 ** 32 - 1) return null;
  return { uidMappings, gidMappings: mappingsIn(readText(`${proc}/gid_map`)) };
}

/** The lines of a file as user_namespaces(7) describes it. */
function mappingsIn(text: string): readonly IdMapping[] {
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [containerID = 0, hostID = 0, size = 0] = line.trim().split(/\s+/).map(Number);
      return { containerID, hostID, size };
    });
}

/**
 * Runs this command line again, by an agent that is root of a new user namespace: with the ids that are granted to the
 * caller, or with its own alone. Returns the agent's pid once it has become tsrun. @throws UserError
 */
export async function again(caller: Caller, warn: (message: string) => void): Promise<number> {
  const path = readLink(`${caller.proc}/exe`);
  // Not by its path: whoever has started tsrun may have come through directories that its user can't enter.
  const own = here(openat(CWD, `${caller.proc}/exe`, O_PATH | O_CLOEXEC));
  let passed = -1;
  await using agent = Agent.start(caller, { created: new Set(["user"]), joins: [] }, null, {
    pass: [own],
    prepare: (_stage, [descriptor = -1]) => {
      passed = descriptor;
    },
  });
  here(close(own));
  const pid = await agent.waitForInit();
  try {
    map(caller, pid, warn);
  } catch (error) {
    throw error instanceof UserError ? new UserError("--rootless", error.problem) : error;
  }
  const program = agent.init.program.by("--rootless");
  program.add(setresgid(0));
  program.add(setresuid(0));
  await agent.run();
  const args = readText(`${caller.proc}/cmdline`).split("\0").slice(0, -1);
  const env = Object.entries(caller.env).map(([name, value]) => `${name}=${value}`);
  const execution = { path: `/proc/self/fd/${passed}`, args, env, preservedFds: 0, filter: null };
  await execute(agent, execution, "--rootless", path);
  agent.keep();
  return pid;
}

function map(caller: Caller, pid: number, warn: (message: string) => void): void {
  if (hasGrants(caller)) {
    mapGranted(caller, pid);
    return;
  }
  warn(
    "/etc/subuid and /etc/subgid grant you no ids: all files will belong to you, and the container's process will be root of its user namespace",
  );
  const only = (hostID: number) => [{ containerID: 0, hostID, size: 1 }];
  writeOrdinaryMappings(caller, pid, { uidMappings: only(caller.uid), gidMappings: only(caller.gid) });
}
