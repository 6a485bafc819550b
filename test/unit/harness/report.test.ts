import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Place, skippedEverywhere } from "../../harness/report.ts";

/** A place where a file of tests ran, but for those named. */
function place(where: string, file: string, ...skipped: string[]): Place {
  const skips = skipped.map((name) => ({ name, reason: `not ${where}` }));
  const result = { file, passed: 1, failed: 0, skipped: skips, seconds: 0, complaints: [], output: "" };
  return { where, results: [result] };
}

test("a test that is skipped in one place and runs in another is not skipped", () => {
  assert.equal(skippedEverywhere([place("here", "a", "one"), place("there", "a")]), []);
  assert.equal(skippedEverywhere([place("here", "a", "one"), place("there", "a", "two")]), []);
});

test("a test that is skipped in every place is, once", () => {
  const found = skippedEverywhere([place("here", "a", "one", "two"), place("there", "a", "one")]);
  assert.equal(
    found.map(({ file, name }) => [file, name]),
    [["a", "one"]],
  );
});

test("a place where nothing of the file ran doesn't count", () => {
  const { where, results } = place("there", "a", "all of it");
  const nothing = { where, results: results.map((result) => ({ ...result, passed: 0 })) };
  const found = skippedEverywhere([place("here", "a", "one"), nothing]);
  assert.equal(
    found.map(({ name }) => name),
    ["one"],
  );
});

test("a place that doesn't have the file runs none of its tests", () => {
  const found = skippedEverywhere([place("here", "a", "one"), place("there", "b")]);
  assert.equal(
    found.map(({ file, name, reason }) => [file, name, reason]),
    [["a", "one", "not here"]],
  );
});

test.run();
