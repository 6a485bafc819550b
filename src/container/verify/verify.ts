/** What a running container really has, against its config.json. Reads, and changes nothing. */
import type { Caller } from "../../agent/caller.ts";
import { SyscallError } from "../../kernel/call.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno } from "../../kernel/files.ts";
import { UserError } from "../../kernel/user-error.ts";
import { readBundle } from "../bundle.ts";
import { changedMounts, withKnown } from "../mounts/saved-mounts.ts";
import type { Store } from "../state/store.ts";
import { requireStatus } from "../state/verbs.ts";
import { addedMounts } from "./areas/added-mounts.ts";
import { cgroupsPath, resources } from "./areas/cgroup.ts";
import { deviceRules } from "./areas/device-rules.ts";
import { devices } from "./areas/devices.ts";
import { cwd, noNewPrivileges, oomScoreAdj, personality, umask, user } from "./areas/identity.ts";
import { rlimits } from "./areas/limits.ts";
import { mounts } from "./areas/mounts.ts";
import { sysctls } from "./areas/names.ts";
import { mappings, namespaces, timeOffsets } from "./areas/namespaces.ts";
import { maskedPaths, readonlyPaths, root } from "./areas/paths.ts";
import { capabilities, labels, landlock, seccomp } from "./areas/privileges.ts";
import { type Area, type Finding, unseen } from "./finding.ts";
import { ended, Subject, type Target } from "./subject.ts";

export type { Finding } from "./finding.ts";

const AREAS: readonly Area[] = [
  ...[
    user,
    umask,
    cwd,
    capabilities,
    noNewPrivileges,
    seccomp,
    labels,
    landlock,
    rlimits,
    oomScoreAdj,
    personality,
  ],
  ...[root, mounts, addedMounts, maskedPaths, readonlyPaths, devices],
  ...[namespaces, mappings, timeOffsets, sysctls, cgroupsPath, resources, deviceRules],
];

/** A container of tsrun's, by its id; its bundle's config.json says what was asked for. @throws UserError */
export function containerTarget(store: Store, id: string): Target {
  using directory = store.open(id);
  const { saved } = requireStatus("verify", directory);
  return {
    name: `container ${id}`,
    pid: saved.init.pid,
    bundle: withKnown(readBundle(saved.bundle, store.caller), changedMounts(saved, directory.config())),
    own: { saved, startTime: saved.init.startTime, resources: directory.config().linux?.resources ?? {} },
  };
}

/** A process of any runtime's container, and the bundle that it was made from. @throws UserError */
export function processTarget(caller: Caller, pid: number, bundle: string): Target {
  return { name: `--pid ${pid}`, pid, bundle: readBundle(bundle, caller), own: null };
}

/** What there is of each property that can be looked at. @throws UserError when the process can't be, or has ended */
export async function verify(caller: Caller, target: Target): Promise<readonly Finding[]> {
  using subject = new Subject(caller, target);
  const findings: Finding[] = [];
  for (const area of AREAS) findings.push(...(await lookAt(area, subject)));
  if (!subject.lives) throw ended(target.name);
  return findings;
}

async function lookAt({ of, look }: Area, subject: Subject): Promise<readonly Finding[]> {
  try {
    return await look(subject);
  } catch (error) {
    if (isErrno(error, ERRNO.ESRCH)) throw ended(subject.target.name);
    if (error instanceof SyscallError || error instanceof UserError)
      return [unseen(of, error.message, "see config.json")];
    throw error;
  }
}
