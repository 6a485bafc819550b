/** The annotations that confine a container's processes by landlock(7). Nothing else of it is loaded without them. */
import type { Process } from "../../../runtime-spec/config.ts";
import {
  type Confined,
  LANDLOCK_ANNOTATION,
  LANDLOCK_STRICT_ANNOTATION,
  type Landlock,
} from "./confinement.ts";

export type Annotations = Readonly<Record<string, string>> | undefined;

/** What confines a container's processes; null without the annotation. @throws UserError */
export async function landlockOf(
  annotations: Annotations,
  process: Process,
  how: Confined,
): Promise<Landlock | null> {
  const policy = annotations?.[LANDLOCK_ANNOTATION];
  if (policy === undefined) return null;
  const { landlockFor } = await import("./landlock.ts");
  return landlockFor(policy, annotations?.[LANDLOCK_STRICT_ANNOTATION], process, how);
}
