import { OCI_VERSION } from "../../../runtime-spec/state.ts";
import type { Caller } from "../../agent/caller.ts";
import { keyringName } from "../../linux/process/keyring.ts";
import { streamNames } from "../../linux/process/streams.ts";
import type { Bundle } from "../bundle.ts";
import type { LaterHooks, Saved } from "./saved.ts";

interface Identity {
  readonly id: string;
  /** Whether it gets a session keyring of its own, or keeps the caller's. */
  readonly ownKeyring: boolean;
}

/** What is saved of a container before anything of it is made. */
export function firstState(caller: Caller, bundle: Bundle, { id, ownKeyring }: Identity): Saved {
  const { annotations } = bundle.config;
  const hooks = laterHooks(bundle);
  return {
    ociVersion: OCI_VERSION,
    id,
    bundle: bundle.path,
    rootfs: bundle.rootfs,
    created: new Date().toISOString(),
    owner: caller.uid,
    ...(annotations === undefined ? {} : { annotations }),
    cgroup: null,
    ...(caller.output === null ? {} : { output: caller.output.path }),
    streams: bundle.process.terminal ? [] : streamNames(caller.streams),
    keyring: ownKeyring ? keyringName(id) : null,
    init: null,
    ...(hooks === null ? {} : { hooks }),
  };
}

/** The hooks that `start` and `delete` will run; null when there are none. */
function laterHooks({ config: { hooks } }: Bundle): LaterHooks | null {
  if (hooks === undefined) return null;
  const { startContainer = [], poststart = [], poststop = [] } = hooks;
  const count = startContainer.length + poststart.length + poststop.length;
  return count === 0 ? null : { startContainer, poststart, poststop };
}
