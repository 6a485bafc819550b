/** The annotations of tsrun's own. Whoever has misspelt one, such as that of a Landlock policy, wants to know. */
import { nearest } from "../../runtime-spec/nearest.ts";
import type { Problem } from "../../runtime-spec/validate.ts";
import { LANDLOCK_ANNOTATION, LANDLOCK_STRICT_ANNOTATION } from "../linux/landlock/confinement.ts";
import { FAULT_ANNOTATION, TRACE_ANNOTATION } from "./timeline/annotation.ts";

const PREFIX = "org.tsrun.";
const OWN = [LANDLOCK_ANNOTATION, LANDLOCK_STRICT_ANNOTATION, TRACE_ANNOTATION, FAULT_ANNOTATION];

/** A warning for each annotation that is named as tsrun's, and that tsrun does not know. */
export function annotationDoubts(annotations: Readonly<Record<string, string>> = {}): readonly Problem[] {
  const doubts: Problem[] = [];
  for (const name in annotations) {
    if (!name.startsWith(PREFIX) || OWN.includes(name)) continue;
    const meant = nearest(name, OWN);
    const guess = meant === undefined ? "" : ` (did you mean ${meant}?)`;
    doubts.push({ path: `annotations["${name}"]`, message: `is not known, and ignored${guess}` });
  }
  return doubts;
}
