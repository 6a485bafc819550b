/** Which properties the model has. */

import { Config } from "./config.ts";
import type { Schema } from "./schema.ts";

/**
 * Every property of config.json as a path pattern: `linux.resources.memory.limit`, `mounts[].options`, and `*` for
 * a name that the writer chooses: `linux.netDevices.*.name`. Properties for other platforms are not among them.
 */
export function properties(): readonly string[] {
  return [...pathsBelow(Config, "")];
}

function* pathsBelow(schema: Schema, path: string): Iterable<string> {
  if (schema.kind === "array") yield* pathsBelow(schema.item, `${path}[]`);
  else if (schema.kind === "map") yield* pathsBelow(schema.value, `${path}.*`);
  else if (schema.kind === "object") {
    for (const [name, field] of Object.entries(schema.fields)) {
      if (field.kind === "foreign") continue;
      const below = path === "" ? name : `${path}.${name}`;
      yield below;
      yield* pathsBelow(field.kind === "required" ? field.schema : field, below);
    }
  }
}
