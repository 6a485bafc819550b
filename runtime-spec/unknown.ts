/** Properties that the model does not know: the spec asks to ignore them, and whoever has misspelt one wants to know. */

import { nearest } from "./nearest.ts";
import type { Report } from "./report.ts";
import type { Fields } from "./schema.ts";

/**
 * Warns of each property of `value` that is none of `fields`; what is `null` is not set. One that differs from a field
 * only in the case of its letters is renamed to it, if the field is not there: Go's readers, and so runc, obey it.
 */
export function settleUnknown(fields: Fields, value: Record<string, unknown>, report: Report): void {
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(fields, name) || value[name] === null) continue;
    const meant = nearestProperty(name, Object.keys(fields));
    if (meant?.toLowerCase() === name.toLowerCase() && value[meant] === undefined) {
      report.warning(`is not known, and taken for ${meant}`, name);
      value[meant] = value[name];
      delete value[name];
      report.changed = true;
    } else {
      const guess = meant === undefined ? "" : ` (did you mean ${meant}?)`;
      report.warning(`is not known, and ignored${guess}`, name);
    }
  }
}

/** The nearest name, whether words in it are set off by capitals, `_` or `-`. */
function nearestProperty(name: string, names: readonly string[]): string | undefined {
  const plain = (text: string) => text.replace(/[_-]/g, "").toLowerCase();
  const meant = nearest(plain(name), names.map(plain));
  return names.find((one) => plain(one) === meant);
}
