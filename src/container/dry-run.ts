import { Program } from "../agent/program.ts";
import { spell } from "../kernel/spell/spell.ts";
import { moveRootOf } from "../linux/mounts/move-root.ts";
import { changeRoot, pivot } from "../linux/mounts/rootfs.ts";
import { closeNamespaces, openNamespaces } from "../linux/namespaces.ts";
import { keyringName } from "../linux/process/keyring.ts";
import { labelsOf, withMountLabel } from "../linux/process/labels.ts";
import type { Bundle } from "./bundle.ts";
import type { CgroupDriver } from "./cgroup/cgroup.ts";
import { contextOf } from "./create.ts";
import { becomeProcess, leaveHost, setUp } from "./init/init-program.ts";
import { prepareMounts } from "./init/prepared-mounts.ts";
import { mountsInShared } from "./init/shared-mounts.ts";

/** The flags of `create` that change the init's program. */
interface DryRunFlags {
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
}

/**
 * The system calls that a container's init would make, one line each with the property that asks for it. Nothing
 * is made; what reading alone can show to be wrong is an error as in `create`. @throws ConfigError
 */
export function dryRun(
  id: string,
  bundle: Bundle,
  driver: CgroupDriver,
  flags: DryRunFlags,
): readonly string[] {
  const namespaces = openNamespaces(bundle.config);
  const program = new Program();
  driver.place(id, bundle.config);
  const labelled = { ...bundle, config: withMountLabel(bundle.config) };
  using labels = labelsOf(bundle.process);
  const coversRootfs = !namespaces.created.has("mount") && mountsInShared(bundle.config);
  using prepared = prepareMounts(bundle, namespaces);
  const keyring = flags.noNewKeyring ? null : keyringName(id);
  const context = contextOf(labelled, namespaces, keyring, labels, {
    prepared,
    host: null,
    coversRootfs,
  });
  const { tree } = setUp(program, context);
  const enter = flags.noPivot ? moveRootOf(bundle.rootfs) : pivot;
  leaveHost(program, tree, bundle, coversRootfs ? changeRoot : enter);
  becomeProcess(program, bundle, {
    ...{ preservedFds: 0, unprivileged: context.unprivileged },
    uidMappings: [], // nothing is given away
  });
  closeNamespaces(namespaces);
  return program.steps.map((step, index) => `$${index} ${spell(step.call)}  # ${step.owner}`);
}
