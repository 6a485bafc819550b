/** Validation of what callers hand in: it is pure, and reports every problem at once. */

import { Config } from "./config.ts";
import { Resources } from "./config-linux-resources.ts";
import { Process } from "./config-process.ts";
import { type Problem, Report, type Schema, walk } from "./schema.ts";

export type { Problem } from "./schema.ts";

interface Findings {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** A whole `config.json`. */
export function validateConfig(value: unknown): Findings & { readonly config: Config } {
  const [config, findings] = validate(Config, value);
  return { config, ...findings };
}

/** A `process` object alone, as in `exec --process FILE`. */
export function validateProcess(value: unknown): Findings & { readonly process: Process } {
  const [process, findings] = validate(Process, value);
  return { process, ...findings };
}

/** A `linux.resources` object alone, as in `update --resources FILE`. */
export function validateResources(value: unknown): Findings & { readonly resources: Resources } {
  const [resources, findings] = validate(Resources, value);
  return { resources, ...findings };
}

function validate<T>(schema: Schema<T>, value: unknown): [T, Findings] {
  const report = new Report();
  walk(schema, value, report);
  // The walk has shown it to be a T, or there are problems and nobody may use it.
  return [value as T, { problems: report.problems, warnings: report.warnings }];
}
