/** Every command that a page shows as typed, a test types. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pages, sectionsOf } from "../../harness/shown.ts";
import { TYPISTS } from "../../harness/typists.ts";

const PROJECT = resolve(import.meta.dir, "../../..");

test("each chapter that has commands is typed by one test, and no other is", () => {
  const shown = pages().flatMap((page) =>
    sectionsOf(page)
      .filter((section) => section.shown.length > 0)
      .map(({ heading }) => `${page}: ${heading}`),
  );
  const typed = Object.values(TYPISTS)
    .flat()
    .flatMap(([page, ...headings]) => headings.map((heading) => `${page}: ${heading}`));
  assert.equal(typed.sort(), shown.sort());
});

for (const file of Object.keys(TYPISTS))
  test(`${file} types its chapters`, () => {
    assert.match(readFileSync(join(PROJECT, file), "utf8"), /[cC]hapters(Of)?\(import\.meta\.path/);
  });

test.run();
