import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Config } from "../../../runtime-spec/config.ts";
import { properties } from "../../../runtime-spec/properties.ts";
import type { Fields, Schema } from "../../../runtime-spec/schema.ts";
import { expand, FOREIGN, SHOWN } from "../../../src/cli/explain/claims.ts";
import { standings } from "../../../src/cli/explain/standings.ts";
import { conformanceDocument, DOCUMENT } from "../../conformance/document.ts";
import { schemaProperties } from "../../conformance/schema.ts";
import { titlesIn } from "../../conformance/titles.ts";

const inSchemas = schemaProperties().map(({ path }) => path);

test("the model has every property of the specification's schemas that is for Linux, and no other", () => {
  assert.equal([...properties()].sort(), inSchemas.filter((path) => FOREIGN[path] === undefined).sort());
});

/** Words that the model takes and the schemas lack, with a reason for each. */
const MORE_WORDS: Readonly<Record<string, readonly string[]>> = {
  // config-linux.md says "one of the following values"; runc and mount(8) know the recursive ones, and callers send them.
  "linux.rootfsPropagation": ["rshared", "rslave", "rprivate", "runbindable"],
};

test("where the schemas list the words of a property, the model takes these", () => {
  const listed = schemaProperties().filter(({ words }) => words !== undefined);
  assert.ok(listed.length > 10);
  for (const { path, words = [] } of listed)
    assert.equal(wordsAt(path), [...words, ...(MORE_WORDS[path] ?? [])].sort(), path);
});

/** The words that the model lists for a property, or for the strings in it. */
function wordsAt(path: string): readonly string[] {
  let schema: Schema = Config;
  for (const step of path.replaceAll("[]", ".[]").split(".")) {
    if (schema.kind === "array" && step === "[]") schema = schema.item;
    else if (schema.kind === "map" && step === "*") schema = schema.value;
    else if (schema.kind === "object") schema = fieldOf(schema.fields[step], path);
    else throw new Error(`the model has no ${path}`);
  }
  if (schema.kind === "array") schema = schema.item;
  return schema.kind === "enum" ? [...schema.values].sort() : [];
}

function fieldOf(field: Fields[string] | undefined, path: string): Schema {
  if (field === undefined || field.kind === "foreign") throw new Error(`the model has no ${path}`);
  return field.kind === "required" ? field.schema : field;
}

test("there is a claim about every property of the schemas, and about no other", () => {
  assert.equal([...standings().keys()].sort(), [...inSchemas].sort());
});

for (const [file, tests] of Object.entries(SHOWN)) {
  const path = join(import.meta.dir, "../..", file);
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const own = text + partsOf(path, text);

  for (const [title, shown] of Object.entries(tests)) {
    test(`${file} has a test called: ${title}`, () => {
      assert.ok(titlesIn(text).some((known) => known.test(title)));
    });

    test(`that file names what it shows: ${shown}`, () => {
      for (const property of expand(shown)) {
        const name = property.replace("[]", "").split(".").at(-1) ?? "";
        assert.match(own, new RegExp(`\\b${name}\\b`), property);
      }
    });
  }
}

/** The modules beside a test file that it imports. */
function partsOf(path: string, text: string): string {
  const names = [...text.matchAll(/from "\.\/([^"]+)"/g)].map(([, name = ""]) => name);
  return names.map((name) => readFileSync(join(dirname(path), name), "utf8")).join("\n");
}

test("docs/spec-conformance.md is what the claims say; make conformance writes it anew", () => {
  assert.is(readFileSync(DOCUMENT, "utf8"), conformanceDocument());
});

test.run();
