/** What there is to say or to do after a `create` that has failed: loaded then only. */
import type { Mount } from "../../runtime-spec/config.ts";
import { RoomError } from "../agent/room-error.ts";
import { StepError } from "../agent/step-error.ts";
import { ERRNO } from "../kernel/errno.ts";
import { isRevealing, whyTooRevealing } from "../linux/mounts/too-revealing.ts";
import type { Bundle } from "./bundle.ts";
import { longLink } from "./init/long-links.ts";

/** The error with all that is known of its cause. */
export function explained(error: unknown, bundle: Bundle): unknown {
  if (error instanceof RoomError) return longLink(bundle) ?? error;
  const index = refusedMount(error);
  const type = bundle.config.mounts?.[index]?.type;
  return error instanceof StepError && isRevealing(type) ? error.because(whyTooRevealing(type)) : error;
}

/** Another bundle that does as well, and what is different with it. */
export interface Otherwise {
  readonly bundle: Bundle;
  readonly warning: string;
}

/**
 * In a user namespace whose outer container has covered parts of its /sys there is no sysfs of one's own: then the
 * outer one's is bound, with all that covers it, read-only, as crun does. Null when that wasn't it.
 */
export function otherwise(error: unknown, bundle: Bundle): Otherwise | null {
  const { mounts = [] } = bundle.config;
  const index = refusedMount(error);
  if (mounts[index]?.type !== "sysfs") return null;
  const changed = mounts.map((mount, at) => (at === index ? outerSysfs(mount) : mount));
  return {
    bundle: { ...bundle, config: { ...bundle.config, mounts: changed } },
    warning: `config.json: mounts[${index}] (sysfs on ${mounts[index].destination}): is /sys of the container around tsrun, read-only: ${whyTooRevealing("sysfs")}`,
  };
}

const outerSysfs = (mount: Mount): Mount => ({
  ...mount,
  source: "/sys",
  options: [...(mount.options ?? []), "rbind", "rro", "nosuid", "noexec", "nodev"],
});

/** Which of the mounts the kernel would not let the user namespace make; -1 when that wasn't it. */
function refusedMount(error: unknown): number {
  if (!(error instanceof StepError) || error.call.name !== "fsmount" || error.errno !== ERRNO.EPERM)
    return -1;
  return Number(/ mounts\[(\d+)\] /.exec(error.owner)?.[1] ?? -1);
}
