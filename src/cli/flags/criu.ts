import type { Caller } from "../../agent/caller.ts";
import { fromCaller } from "../../container/caller/caller.ts";
import type { CommonOptions } from "../../container/criu/criu.ts";
import { CLONE_NEWNET } from "../../kernel/constants.ts";
import { UserError } from "../../kernel/user-error.ts";
import { CGROUP_MODES } from "../../linux/criu/messages.ts";
import type { InvocationOf } from "../grammar/parse.ts";

type Flags = InvocationOf<"checkpoint">["flags"] | InvocationOf<"restore">["flags"];

/** The default directory of images, as in runc. */
const IMAGES = "checkpoint";

/** The directories of the images and of criu's log. */
export function placesFrom({ imagePath = IMAGES, workPath }: Flags, caller: Caller) {
  return {
    images: fromCaller(caller, imagePath),
    work: workPath === undefined ? undefined : fromCaller(caller, workPath),
  };
}

/** The flags that both commands pass on to criu. */
export function optionsFrom(flags: Flags): CommonOptions {
  const { manageCgroupsMode, emptyNs } = flags;
  return {
    tcpEstablished: flags.tcpEstablished,
    extUnixSk: flags.extUnixSk,
    shellJob: flags.shellJob,
    linkRemap: flags.linkRemap,
    lazyPages: flags.lazyPages,
    fileLocks: flags.fileLocks,
    autoDedup: flags.autoDedup,
    manageCgroupsMode: manageCgroupsMode === undefined ? undefined : CGROUP_MODES[manageCgroupsMode],
    emptyNamespaces: emptyNs.length === 0 ? undefined : emptyFrom(emptyNs),
  };
}

function emptyFrom(names: readonly string[]): number {
  const other = names.find((name) => name !== "network");
  if (other === undefined) return CLONE_NEWNET;
  throw new UserError(`--empty-ns ${other}`, "criu can leave only the network namespace empty: say network");
}
