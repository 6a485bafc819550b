/** Explains a failed `create`, or finds another way to do it. Loaded only after a failure. */
import type { Mount } from "../../runtime-spec/config.ts";
import { StepError } from "../agent/step-error.ts";
import { ERRNO } from "../kernel/errno.ts";
import { isRevealing, whyTooRevealing } from "../linux/mounts/too-revealing.ts";
import type { Bundle } from "./bundle.ts";

/** The error with all that is known of its cause. */
export function explained(error: unknown, bundle: Bundle): unknown {
  const index = refusedMount(error);
  const type = bundle.config.mounts?.[index]?.type;
  return error instanceof StepError && isRevealing(type) ? error.because(whyTooRevealing(type)) : error;
}

/** A bundle to try instead, and how it differs. */
interface Otherwise {
  readonly bundle: Bundle;
  readonly warning: string;
}

/**
 * Where the container around tsrun has covered parts of /sys, the kernel refuses a user namespace a sysfs of its own.
 * Then that container's /sys is bound read-only, with everything that covers it, as crun does. Null for another error.
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

/** The index of the mount that the kernel refused to the user namespace; -1 for another error. */
function refusedMount(error: unknown): number {
  if (!(error instanceof StepError) || error.call.name !== "fsmount" || error.errno !== ERRNO.EPERM)
    return -1;
  return Number(/ mounts\[(\d+)\] /.exec(error.place)?.[1] ?? -1);
}
