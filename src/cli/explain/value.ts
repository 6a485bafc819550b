/** What a property may hold, in words, out of the model that validation walks. */
import { Config } from "../../../runtime-spec/config.ts";
import { CAPABILITIES } from "../../../runtime-spec/config-process.ts";
import type { Schema } from "../../../runtime-spec/schema.ts";
import { bound } from "../../../runtime-spec/walk.ts";
import { mountOptionNames } from "../../linux/mounts/mount-options.ts";

interface Found {
  readonly schema: Schema;
  readonly required: boolean;
}

/** `a list of texts, each of which must be absolute; required`; empty for a property that the model has not. */
export function valueText(property: string): string {
  const found = schemaAt(property);
  if (found === null) return "";
  return [inWords(found.schema), ...(found.required ? ["required"] : [])].join("; ");
}

/** Words that a list may hold, where validation leaves its items to others; empty for most. */
export function knownWords(property: string): string {
  if (/^process\.capabilities\./.test(property)) return CAPABILITIES.join(", ");
  return property === "mounts[].options"
    ? `${mountOptionNames().join(", ")}; others are the file system's`
    : "";
}

function schemaAt(property: string): Found | null {
  let found: Found = { schema: Config, required: false };
  for (const step of property.replaceAll("[]", ".[]").split(".")) {
    const { schema } = found;
    if (schema.kind === "array" && step === "[]") found = { schema: schema.item, required: false };
    else if (schema.kind === "map" && step === "*") found = { schema: schema.value, required: false };
    else {
      const field = schema.kind === "object" ? schema.fields[step] : undefined;
      if (field === undefined || field.kind === "foreign") return null;
      found =
        field.kind === "required"
          ? { schema: field.schema, required: true }
          : { schema: field, required: false };
    }
  }
  return found;
}

function inWords(schema: Schema): string {
  switch (schema.kind) {
    case "boolean":
      return "true or false";
    case "integer":
      return `a whole number from ${bound(schema.min)} to ${bound(schema.max)}`;
    case "flags":
    case "enum":
      return `${schema.noun}: ${schema.values.join(", ")}`;
    case "string":
      return ["text", ...said(schema.complain?.(""))].join(" that ");
    case "array":
      return `a list${schema.min > 0 ? `, not empty` : ""}; each ${inWords(schema.item)}`;
    case "map":
      return `an object with names that you choose; each ${inWords(schema.value)}`;
    case "object":
      return `an object with ${Object.keys(schema.fields).join(", ")}`;
  }
}

const said = (complaint: string | undefined): readonly string[] =>
  complaint === undefined ? [] : [complaint];
