/** Properties that the model does not know: the spec asks to ignore them, and whoever has misspelt one wants to know. */

import { nearest } from "./nearest.ts";
import type { Report } from "./report.ts";
import type { Fields } from "./schema.ts";

/** Warns of each property of `value` that is none of `fields`; what is `null` is not set. */
export function warnOfUnknown(
  fields: Fields,
  value: Readonly<Record<string, unknown>>,
  report: Report,
): void {
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(fields, name) || value[name] === null) continue;
    const meant = nearestProperty(name, Object.keys(fields));
    report.warning(
      `is not known, and ignored${meant === undefined ? "" : ` (did you mean ${meant}?)`}`,
      name,
    );
  }
}

/** The nearest name, whether words in it are set off by capitals, `_` or `-`. */
function nearestProperty(name: string, names: readonly string[]): string | undefined {
  const plain = (text: string) => text.replace(/[_-]/g, "").toLowerCase();
  const meant = nearest(plain(name), names.map(plain));
  return names.find((one) => plain(one) === meant);
}
