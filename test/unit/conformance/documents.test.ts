// What the documents say of tests is so: each that they name, in the form [name](../test/FILE): title, exists.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { titlesIn } from "../../conformance/titles.ts";

const DOCS = join(import.meta.dir, "../../../docs");
const NAMED = /\]\(\.\.\/(test\/[\w/.-]+\.test\.ts)\): ([^|\n]+?) *\|/g;

for (const document of readdirSync(DOCS).filter((name) => name.endsWith(".md"))) {
  const named = [...readFileSync(join(DOCS, document), "utf8").matchAll(NAMED)];
  if (named.length === 0) continue;

  test(`every test that docs/${document} names exists`, () => {
    const missing = named.filter(([, file = "", title = ""]) => {
      const path = join(DOCS, "..", file);
      return !existsSync(path) || !titlesIn(readFileSync(path, "utf8")).some((known) => known.test(title));
    });
    assert.equal(
      missing.map(([, file, title]) => `${file}: ${title}`),
      [],
    );
  });
}

test("the documents on conformance and security name tests", () => {
  for (const document of ["spec-conformance.md", "security.md"])
    assert.match(readFileSync(join(DOCS, document), "utf8"), new RegExp(NAMED.source));
});

test.run();
