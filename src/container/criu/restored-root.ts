import type { NamespaceType } from "../../../runtime-spec/config-linux.ts";
import type { Caller } from "../../agent/caller.ts";
import { CWD, close, memfdCreate, mountSetattr } from "../../kernel/calls.ts";
import { MFD_CLOEXEC, MOUNT_ATTR_RDONLY } from "../../kernel/constants.ts";
import { here } from "../../kernel/here.ts";
import { Launch, runInit } from "../init/launch.ts";
import { closeTarget, openNamespacesOf } from "../init/target.ts";
import { processInfo } from "../state/process-info.ts";

/**
 * Makes the root of a restored container read-only again, which criu(8) does not do. `pid` is its init, which is still
 * stopped. @throws UserError
 */
export function sealRoot(caller: Caller, pid: number): void {
  const target = openNamespacesOf(caller, { pid, startTime: processInfo(pid)?.startTime ?? 0 });
  const fd = here(memfdCreate("tsrun-mailbox", MFD_CLOEXEC));
  const plan = { created: new Set<NamespaceType>(), joins: target.joins };
  const launch = new Launch(caller, fd, plan, null);
  try {
    const { program } = launch.init;
    program.by("config.json: root.readonly").add(mountSetattr(CWD, "/", 0, { set: MOUNT_ATTR_RDONLY }));
    runInit(caller, launch.init, launch.waitForInit());
  } finally {
    launch.abort();
    here(close(fd));
    closeTarget(target);
  }
}
