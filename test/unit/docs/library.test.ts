import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const PROJECT = join(import.meta.dir, "../../..");
const text = (file: string) => readFileSync(join(PROJECT, file), "utf8");

test("the example of the library is one that the linter type-checks and an integration test runs", () => {
  const [, example = ""] = /^```ts\n(.*?)^```$/ms.exec(text("docs/architecture.md")) ?? [];
  assert.match(example, "await create(");
  assert.is(
    example.replaceAll('"./src/', '"../../../src/'),
    text("test/integration/library/example.ts").replace(/^\/\*\*.*\n/, ""),
  );
});

test.run();
