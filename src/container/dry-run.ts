import { Program } from "../agent/program.ts";
import { spell } from "../kernel/call.ts";
import { labelsOf, withMountLabel } from "../linux/labels.ts";
import { closeNamespaces, openNamespaces } from "../linux/namespaces.ts";
import type { Bundle } from "./bundle.ts";
import { placeCgroup } from "./cgroup.ts";
import { contextOf } from "./create.ts";
import { enter, setUp } from "./init-program.ts";

/**
 * The system calls that a container's init would make, one line each with the property that asks for it. Nothing
 * is made; what reading alone can show to be wrong is an error as in `create`. @throws ConfigError
 */
export function dryRun(id: string, bundle: Bundle, ownKeyring: boolean): readonly string[] {
  const namespaces = openNamespaces(bundle.config);
  const program = new Program();
  const cgroup = placeCgroup(id, bundle.config).path;
  const labelled = { ...bundle, config: withMountLabel(bundle.config) };
  using labels = labelsOf(bundle.process);
  const context = contextOf(labelled, namespaces, cgroup, ownKeyring ? id : null, labels);
  const { root } = setUp(program, context);
  enter(program, root, bundle, 0);
  closeNamespaces(namespaces);
  return program.steps.map((step, index) => `$${index} ${spell(step.call)}  # ${step.owner}`);
}
