/**
 * The annotation by which a container asks for a timeline of each command on it, wherever it is called: the path of a
 * directory. See docs/trace.md for what the config's author can do with it.
 */
import type { Traced } from "./trace-into.ts";

export const TRACE_ANNOTATION = "org.tsrun.trace";

interface Annotated {
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Does something, and writes its timeline if the container's annotations ask for it. */
export function asAnnotated<T>(
  { annotations }: Annotated,
  command: Traced,
  act: () => Promise<T>,
): Promise<T> {
  const directory = annotations?.[TRACE_ANNOTATION];
  return directory === undefined ? act() : traced(directory, command, act);
}

async function traced<T>(directory: string, command: Traced, act: () => Promise<T>): Promise<T> {
  const { traceInto } = await import("./trace-into.ts");
  return traceInto(directory, `config.json: annotations["${TRACE_ANNOTATION}"]`, command, act);
}
