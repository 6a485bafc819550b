/**
 * Annotations that a container's commands heed, wherever they are called: for a timeline of each, the path of a directory
 * (docs/trace.md says what the config's author can do with it); for faults on purpose, a list of them.
 */
import type { Traced } from "./trace-into.ts";

export const TRACE_ANNOTATION = "org.tsrun.trace";
export const FAULT_ANNOTATION = "org.tsrun.fault";

interface Annotated {
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Does something, and writes its timeline, or has it fail somewhere, if the container's annotations ask for it. */
export function asAnnotated<T>(
  { annotations }: Annotated,
  command: Traced,
  act: () => Promise<T>,
): Promise<T> {
  const directory = annotations?.[TRACE_ANNOTATION];
  const faults = annotations?.[FAULT_ANNOTATION];
  const seen = faults === undefined ? act : () => faulty(faults, command, act);
  return directory === undefined ? seen() : traced(directory, command, seen);
}

async function faulty<T>(faults: string, { caller }: Traced, act: () => Promise<T>): Promise<T> {
  const { withListedFaults } = await import("../faults/annotation.ts");
  return withListedFaults(faults, placeOf(FAULT_ANNOTATION), caller, act);
}

const placeOf = (annotation: string) => `config.json: annotations["${annotation}"]`;

async function traced<T>(directory: string, command: Traced, act: () => Promise<T>): Promise<T> {
  const { traceInto } = await import("./trace-into.ts");
  return traceInto(directory, placeOf(TRACE_ANNOTATION), command, act);
}
