/** What is loaded before a command's own part: each kilobyte of it makes every command slower. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { loadedWith } from "../../harness/imported.ts";

const PROJECT = join(import.meta.dir, "../../..");
const loaded = loadedWith("src/main.ts");

test("commands that make no process load nothing that does", () => {
  const making =
    /^src\/(check|dbus|image|serve)\/|^src\/container\/(init|hooks|process|tools|verify|why)\/|seccomp/;
  const expected = ["src/container/init/parked.ts", "src/serve/protocol.ts"];
  assert.equal(
    loaded.filter((file) => making.test(file) && !expected.includes(file)),
    [],
  );
});

test("nor what checks a config.json", () => {
  assert.equal(
    loaded.filter((file) => /^runtime-spec\/(config|rules|schema|validate|walk)/.test(file)),
    [],
  );
});

test("all that every command loads stays small", () => {
  const bytes = loaded.reduce((sum, file) => sum + statSync(join(PROJECT, file)).size, 0);
  assert.ok(bytes < 360_000, `${bytes} bytes of source in ${loaded.length} files`);
});

test.run();
