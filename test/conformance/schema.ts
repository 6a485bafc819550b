/** The properties that the runtime-spec's JSON schemas name, read from the copies in oci-schema/. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** As much of JSON Schema, draft 4, as the runtime-spec uses. */
interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema;
  readonly allOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
}

const FOLDER = join(import.meta.dir, "oci-schema");

/** The schemas of other platforms, which have no copy. */
const ELSEWHERE = ["solaris", "windows", "vm", "zos", "freebsd"] as const;

/** All schema documents by the file names that `$ref`s use; those of other platforms take anything. */
export const DOCUMENTS: ReadonlyMap<string, unknown> = new Map([
  ...[
    ...["config-schema.json", "config-linux.json", "defs.json", "defs-linux.json"],
    ...["features-schema.json", "features-linux.json"],
  ].map((name) => [name, JSON.parse(readFileSync(join(FOLDER, name), "utf8"))] as const),
  ...ELSEWHERE.map((platform) => [`config-${platform}.json`, { [platform]: {} }] as const),
]);

/** A property of the schema: its path as in runtime-spec/properties.ts, and the words that it may be, if listed. */
interface SchemaProperty {
  readonly path: string;
  readonly words: readonly string[] | undefined;
}

/** Every property that a schema names, that of config.json without another, whatever platform it is for. */
export function schemaProperties(root = "config-schema.json"): readonly SchemaProperty[] {
  return [...below({ schema: documentPart(root, ""), document: root }, "")];
}

interface Place {
  readonly schema: JsonSchema;
  readonly document: string;
}

function* below(place: Place, path: string): Iterable<SchemaProperty> {
  const { schema, document } = resolved(place);
  for (const part of [...(schema.allOf ?? []), ...(schema.anyOf ?? [])])
    yield* below({ schema: part, document }, path);
  if (schema.items !== undefined) yield* below({ schema: schema.items, document }, `${path}[]`);
  if (schema.additionalProperties !== undefined)
    yield* below({ schema: schema.additionalProperties, document }, `${path}.*`);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const own = { schema: property, document };
    const at = path === "" ? name : `${path}.${name}`;
    yield { path: at, words: wordsOf(own) };
    yield* below(own, at);
  }
}

/** The words of a string, or of the strings in a list. */
function wordsOf(place: Place): readonly string[] | undefined {
  const { schema, document } = resolved(place);
  return schema.items === undefined ? schema.enum : wordsOf({ schema: schema.items, document });
}

function resolved({ schema, document }: Place): Place {
  if (schema.$ref === undefined) return { schema, document };
  const [file = "", pointer = ""] = schema.$ref.split("#");
  const next = file === "" ? document : file;
  return resolved({ schema: documentPart(next, pointer), document: next });
}

function documentPart(name: string, pointer: string): JsonSchema {
  let part: unknown = DOCUMENTS.get(name);
  for (const key of pointer.split("/").filter(Boolean)) part = Reflect.get(Object(part), key);
  if (part === undefined) throw new Error(`the schemas have no ${name}#${pointer}`);
  return part as JsonSchema; // it stands where the schemas refer to a schema
}
