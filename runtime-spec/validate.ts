/** Validation of what callers hand in: it is pure, and reports every problem at once. */

import { Config, Mount } from "./config.ts";
import { Resources } from "./config-linux-resources.ts";
import { Seccomp } from "./config-linux-seccomp.ts";
import { Process } from "./config-process.ts";
import { type Problem, Report } from "./report.ts";
import { ID_MAPPING_RULES } from "./rules-id-mappings.ts";
import { LINUX_RULES } from "./rules-linux.ts";
import { NAMESPACE_RULES } from "./rules-namespaces.ts";
import { PROCESS_RULES } from "./rules-process.ts";
import { RESOURCES_RULES } from "./rules-resources.ts";
import { SECCOMP_RULES } from "./rules-seccomp.ts";
import { SYSCTL_RULES } from "./rules-sysctl.ts";
import { array, object, required, type Schema } from "./schema.ts";
import { rulesBySchema, walk } from "./walk.ts";

export { lineOf, type Problem } from "./report.ts";

const RULES = rulesBySchema([
  ...PROCESS_RULES,
  ...LINUX_RULES,
  ...NAMESPACE_RULES,
  ...ID_MAPPING_RULES,
  ...SYSCTL_RULES,
  ...RESOURCES_RULES,
  ...SECCOMP_RULES,
]);

interface Findings {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Whether the value had to be changed to be what is returned. */
  readonly changed: boolean;
}

/**
 * A whole `config.json`. The value becomes the config (see walk() for what is changed); it may be used only when there
 * are no problems.
 */
export function validateConfig(value: unknown): Findings & { readonly config: Config } {
  const [config, findings] = validate(Config, value);
  return { config, ...findings };
}

/** A `process` object alone, as in `exec --process FILE`. */
export function validateProcess(value: unknown): Findings & { readonly process: Process } {
  const [process, findings] = validate(Process, value);
  return { process, ...findings };
}

/** `mounts` alone, as in `mounts add ID FILE`: the list, or an object that has it. */
export function validateMounts(value: unknown): Findings & { readonly mounts: readonly Mount[] } {
  const [{ mounts }, findings] = validate(MountsAlone, Array.isArray(value) ? { mounts: value } : value);
  return { mounts, ...findings };
}

const MountsAlone = object({ mounts: required(array(Mount)) });

/** A `linux.resources` object alone, as in `update --resources FILE`. */
export function validateResources(value: unknown): Findings & { readonly resources: Resources } {
  const [resources, findings] = validate(Resources, value);
  return { resources, ...findings };
}

/** A `linux.seccomp` object alone, as in a profile's file. */
export function validateSeccomp(value: unknown): Findings & { readonly seccomp: Seccomp } {
  const [seccomp, findings] = validate(Seccomp, value);
  return { seccomp, ...findings };
}

function validate<T>(schema: Schema<T>, value: unknown): [T, Findings] {
  const report = new Report();
  walk(schema, value, report, RULES);
  // The walk has shown it to be a T, or there are problems and nobody may use it.
  const { problems, warnings, changed } = report;
  return [value as T, { problems, warnings, changed }];
}
