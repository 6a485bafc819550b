/** What a creation knows and has opened before it makes anything. */
import type { Caller } from "../../agent/caller.ts";
import { statusIfThere } from "../../kernel/files.ts";
import { findUnifiedMount } from "../../linux/cgroups/hierarchy.ts";
import { landlockOf } from "../../linux/landlock/annotation.ts";
import type { Landlock } from "../../linux/landlock/confinement.ts";
import { isCopiedUp, isIdMapped } from "../../linux/mounts/mount-options.ts";
import { sharedParentOf } from "../../linux/mounts/mount-table.ts";
import { changeRoot, type EnterRoot, pivot } from "../../linux/mounts/rootfs.ts";
import { closeNamespaces, type NamespacePlan, openNamespaces } from "../../linux/namespaces.ts";
import { keepsGroups } from "../../linux/process/credentials.ts";
import { makeKeyring } from "../../linux/process/keyring.ts";
import type { ProcessLabels } from "../../linux/process/labels.ts";
import type { Resctrl } from "../../linux/resctrl.ts";
import type { SeccompFilter } from "../../linux/seccomp/filter.ts";
import { filterOf } from "../../linux/seccomp/load.ts";
import type { Bundle } from "../bundle.ts";
import { unprivilegedInit } from "../caller/caller.ts";
import { cgroupDriver } from "../cgroup/cgroup.ts";
import type { CgroupDriver } from "../cgroup/driver.ts";
import { type Subject, schedulingOf } from "../process/aspects.ts";
import type { Undo } from "../state/undo.ts";
import type { HostAgent } from "./host-agent.ts";
import type { InitContext } from "./init-program.ts";
import type { PreparedMounts } from "./prepared-mounts.ts";

export interface Plan {
  /** With the labels of its mounts written into their options. */
  readonly bundle: Bundle;
  readonly driver: CgroupDriver;
  readonly namespaces: NamespacePlan;
  readonly labels: ProcessLabels | null;
  readonly filter: SeccompFilter | null;
  readonly landlock: Landlock | null;
  readonly prepared: PreparedMounts | null;
  readonly scheduling: Subject["scheduling"];
  readonly resctrl: Resctrl | null;
  /** Where the container has no mount namespace of its own. */
  readonly shared: typeof import("./shared-mounts.ts") | null;
  /** Whether a copy of the rootfs covers it, for the container's mounts. */
  readonly coversRootfs: boolean;
  readonly enterRoot: EnterRoot;
  /** Where the init has less rights over the host's files than tsrun, and mounts some. */
  readonly hostAgent: typeof import("./host-agent.ts") | null;
}

interface PlanOptions {
  readonly id: string;
  readonly systemdCgroup: boolean;
  readonly rootless: boolean;
  readonly noPivot: boolean;
  readonly preservedFds: number;
}

/** Reads, opens and loads what the bundle asks for; `undo` closes it. @throws UserError */
export async function planOf(caller: Caller, given: Bundle, options: PlanOptions, undo: Undo): Promise<Plan> {
  const { linux } = given.config;
  const driver = await cgroupDriver(caller, options.systemdCgroup, options.rootless);
  const labelling = wantsLabels(given) ? await import("../../linux/process/labels.ts") : null;
  const bundle = labelling === null ? given : { ...given, config: labelling.withMountLabel(given.config) };
  const labels = labelling?.labelsOf(caller, bundle.process) ?? null;
  undo.always(() => labels?.[Symbol.dispose]());
  const namespaces = openNamespaces(caller, bundle.config);
  undo.always(() => closeNamespaces(namespaces));
  const shared = namespaces.created.has("mount") ? null : await import("./shared-mounts.ts");
  const coversRootfs = shared?.mountsInShared(bundle.config) ?? false;
  const enterRoot = await wayIntoRoot(bundle, coversRootfs, options.noPivot);
  const filter = await filterOf(caller, linux?.seccomp);
  const landlock = await landlockOf(bundle.config.annotations, bundle.process, { ...options, joins: false });
  const prepared = needsPreparedMounts(bundle)
    ? await (await import("./prepared-mounts.ts")).prepareMounts(caller, bundle, namespaces)
    : null;
  undo.always(() => prepared?.[Symbol.dispose]());
  const scheduling = await schedulingOf(bundle.process);
  const resctrl =
    linux?.intelRdt && new (await import("../../linux/resctrl.ts")).Resctrl(options.id, linux.intelRdt);
  return {
    ...{
      bundle,
      driver,
      namespaces,
      labels,
      filter,
      landlock,
      prepared,
      scheduling,
      resctrl: resctrl ?? null,
    },
    ...{ shared, coversRootfs, enterRoot },
    hostAgent: needsHostAgent(caller, namespaces) ? await import("./host-agent.ts") : null,
  };
}

async function wayIntoRoot({ rootfs }: Bundle, coversRootfs: boolean, noPivot: boolean): Promise<EnterRoot> {
  if (coversRootfs) return changeRoot;
  return noPivot ? (await import("../../linux/mounts/move-root.ts")).moveRootOf(rootfs) : pivot;
}

function wantsLabels({ config: { linux }, process }: Bundle): boolean {
  return Boolean(linux?.mountLabel || process.apparmorProfile || process.selinuxLabel);
}

/** Whether the init has less rights over the host's files than tsrun, and mounts some. */
export const needsHostAgent = ({ uid }: Caller, { created, joins }: NamespacePlan): boolean =>
  uid === 0 && created.has("mount") && (created.has("user") || joins.some(({ type }) => type === "user"));

/** Whether a mount asks for what is made before the init is born. */
function needsPreparedMounts({ config: { mounts = [] } }: Bundle): boolean {
  for (const mount of mounts) if (isIdMapped(mount) || isCopiedUp(mount)) return true;
  return false;
}

/** What the init's program is built from. */
export function contextOf(
  caller: Caller,
  plan: Pick<
    Plan,
    "bundle" | "namespaces" | "labels" | "landlock" | "prepared" | "scheduling" | "coversRootfs"
  >,
  { keyring, host, warn }: Made,
): InitContext {
  const { bundle, namespaces, labels, landlock, prepared, scheduling, coversRootfs } = plan;
  const { config, process } = bundle;
  const creates = namespaces.created.has("user");
  const hasUserNamespace = creates || namespaces.joins.some(({ type }) => type === "user");
  const unprivileged = unprivilegedInit(caller, creates);
  return {
    bundle,
    namespaces,
    subject: {
      caller,
      process,
      linux: config.linux,
      hasUserNamespace,
      unprivileged,
      keepGroups: keepsGroups(config),
      keyring: keyring === null ? null : (program) => makeKeyring(program, keyring),
      labels,
      landlock,
      filtered: config.linux?.seccomp !== undefined,
      warn: unprivileged === null ? null : warn,
      scheduling,
    },
    openOnHost: host === null ? null : (add) => host.open(add),
    preparedMounts: prepared?.mounts ?? null,
    inUserNamespace: hasUserNamespace || unprivileged !== null,
    cgroups: findUnifiedMount() ?? null,
    coversRootfs,
    hostHasKcore: statusIfThere("/proc/kcore") !== null,
    privateParent: sharedParentOf(bundle.rootfs, config.linux?.rootfsPropagation),
  };
}

/** What was made for the init's program. */
interface Made {
  /** The name of the session keyring that it makes; null leaves it the caller's. */
  readonly keyring: string | null;
  readonly host: Pick<HostAgent, "open"> | null;
  readonly warn: (line: string) => void;
}
