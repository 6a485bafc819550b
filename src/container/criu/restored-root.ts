import type { Caller } from "../../agent/caller.ts";
import { CWD, mountSetattr } from "../../kernel/calls.ts";
import { MOUNT_ATTR_RDONLY } from "../../kernel/constants.ts";
import { Agent } from "../init/agent.ts";
import { closeContainer, openNamespacesOf } from "../init/container-namespaces.ts";
import { processInfo } from "../state/process-info.ts";

/**
 * Makes the root of a restored container read-only again, which criu(8) does not do. `pid` is its init, which is still
 * stopped. @throws UserError
 */
export async function sealRoot(caller: Caller, pid: number): Promise<void> {
  const namespaces = openNamespacesOf(caller, { pid, startTime: processInfo(pid)?.startTime ?? 0 });
  await using opened = new AsyncDisposableStack();
  opened.defer(() => closeContainer(namespaces));
  const agent = opened.use(Agent.start(caller, namespaces, null));
  const { program } = agent.init;
  program.by("config.json: root.readonly").add(mountSetattr(CWD, "/", 0, { set: MOUNT_ATTR_RDONLY }));
  await agent.run();
}
