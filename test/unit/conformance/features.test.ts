// What `tsrun features` prints beside the specification's JSON schema of it (features.md, features-linux.md).
import Ajv from "ajv";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { features } from "../../../src/container/features.ts";
import { DOCUMENTS, schemaProperties } from "../../conformance/schema.ts";

const printed = JSON.parse(JSON.stringify(features("0.1.0", "", null)));

test("features is what the specification's schema says", () => {
  const ajv = new Ajv({ strict: false, allErrors: true });
  for (const [name, document] of DOCUMENTS) {
    const { $schema: _, ...schema } = Object(document);
    ajv.addSchema({ $id: name, ...schema });
  }
  ajv.validate("features-schema.json", printed);
  assert.equal(ajv.errors, null);
});

test("it tells of everything that the schema knows", () => {
  const missing = schemaProperties("features-schema.json").filter(
    ({ path }) => !isThere(printed, path.split(".")),
  );
  assert.equal(missing, []);
});

function isThere(value: unknown, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return value !== undefined;
  return isThere(Reflect.get(Object(value), name), rest);
}

test.run();
