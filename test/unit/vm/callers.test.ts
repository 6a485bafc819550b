import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { needsOf } from "../../harness/needs.ts";
import { callersNeeds, hasGuest } from "../../vm/callers.ts";

const PROJECT = resolve(import.meta.dir, "../../..");
const FILES = [...new Bun.Glob("test/callers/*.test.ts").scanSync(PROJECT)].filter(hasGuest).sort();

test("limits that callers set, and podman's checkpoints, have guests", () => {
  assert.equal(
    FILES,
    ["docker-limits", "limits", "podman-checkpoint", "podman-limits"].map(
      (name) => `test/callers/${name}.test.ts`,
    ),
  );
});

// Else it would not be skipped for want of one, and its guest, which others share, could not be made.
for (const file of FILES) {
  test(`${file} needs every package that its guest takes something of`, () => {
    const needed = new Set(needsOf(readFileSync(join(PROJECT, file), "utf8")));
    const { programs = [], files = [] } = callersNeeds([file]) ?? {};
    const taken = [...programs, ...files];
    const asked = new Set(taken.filter(([path]) => needed.has(path)).map(([, owner]) => owner));
    assert.equal(
      taken.filter(([, owner]) => !asked.has(owner)),
      [],
    );
  });
}

test.run();
