import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { listDirectory } from "../../../src/kernel/files.ts";

const directory = mkdtempSync(join(tmpdir(), "files-"));
test.after(() => rmSync(directory, { recursive: true }));

test("a directory's entries say which are directories", () => {
  const path = join(directory, "full");
  mkdirSync(join(path, "sub"), { recursive: true });
  writeFileSync(join(path, "file"), "");
  const entries = listDirectory(path) ?? [];
  assert.equal(
    entries.toSorted((a, b) => a.name.localeCompare(b.name)),
    [
      { name: "file", isDirectory: false },
      { name: "sub", isDirectory: true },
    ],
  );
});

test("a directory that isn't there has no entries, nor has one that was removed while it was open", () => {
  const path = join(directory, "gone");
  assert.is(listDirectory(path), null);
  mkdirSync(path);
  const fd = openSync(path, "r");
  try {
    rmSync(path, { recursive: true });
    assert.is(listDirectory(".", fd), null);
  } finally {
    closeSync(fd);
  }
});

test.run();
