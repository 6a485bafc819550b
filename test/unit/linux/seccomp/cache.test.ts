import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cacheKey, openCache } from "../../../../src/linux/seccomp/cache.ts";
import { testIf } from "../../../harness/skip.ts";

const testRoot = testIf(process.getuid?.() === 0, "needs root");

const parent = mkdtempSync(join(tmpdir(), "tsrun-seccomp-test-"));
test.after(() => rmSync(parent, { recursive: true }));
let made = 0;

/** A path for a cache of its own. */
function place(): string {
  made += 1;
  return join(parent, `cache-${made}`);
}

const KEY = cacheKey("a profile");
const FILTER = Uint8Array.from({ length: 800 }, (_, index) => index % 251);

function keep(path: string, key = KEY, filter = FILTER): void {
  using cache = openCache(path);
  cache?.set(key, filter);
}

function kept(path: string, key = KEY): Uint8Array | null {
  using cache = openCache(path);
  return cache?.get(key) ?? null;
}

test("a filter is kept under its key, in a directory and a file of the owner's alone", () => {
  const path = place();
  assert.is(kept(path), null);
  keep(path);
  assert.equal(kept(path), FILTER);
  assert.is(kept(path, cacheKey("another profile")), null);
  assert.is(statSync(path).mode & 0o777, 0o700);
  assert.is(statSync(join(path, KEY)).mode & 0o777, 0o600);
  assert.equal(readdirSync(path), [KEY]);
});

test("keys differ by every word, and by where one ends", () => {
  const keys = [cacheKey("ab"), cacheKey("a", "b"), cacheKey(["a", "b"]), cacheKey("a", null, "b")];
  assert.is(new Set(keys).size, keys.length);
  for (const key of keys) assert.match(key, /^[0-9a-f]{64}$/);
});

for (const [what, spoil] of [
  ["was changed by a bit", (file) => flip(file, 700)],
  ["has another digest", (file) => flip(file, 100)],
  ["was cut off", (file) => truncateSync(file, 600)],
  ["is empty", (file) => truncateSync(file, 0)],
  ["is larger than any filter", (file) => truncateSync(file, 10_000_000)],
  ["others may read", (file) => chmodSync(file, 0o604)],
  ["others may write", (file) => chmodSync(file, 0o602)],
  ["its group may read", (file) => chmodSync(file, 0o640)],
  ["its group may write", (file) => chmodSync(file, 0o620)],
  ["is a directory", (file) => replace(file, () => mkdirSync(file, 0o700))],
  ["is a symlink", (file) => replace(file, () => symlinkSync("elsewhere", file), "elsewhere")],
  ["is a FIFO", (file) => replace(file, () => Bun.spawnSync(["mkfifo", "-m", "600", file]))],
] as const satisfies readonly (readonly [string, (file: string) => void])[]) {
  test(`a file that ${what} is not believed`, () => {
    const path = place();
    keep(path);
    spoil(join(path, KEY));
    assert.is(kept(path), null);
  });
}

function flip(file: string, at: number): void {
  const content = readFileSync(file);
  content[at] = (content[at] ?? 0) ^ 1;
  writeFileSync(file, content);
}

function replace(file: string, make: () => void, aside = "aside"): void {
  renameSync(file, join(file, "..", aside));
  make();
}

test("a filter under another's key is not believed", () => {
  const path = place();
  keep(path);
  const other = cacheKey("another profile");
  renameSync(join(path, KEY), join(path, other));
  assert.is(kept(path, other), null);
});

test("what was not believed is replaced", () => {
  const path = place();
  keep(path);
  truncateSync(join(path, KEY), 600);
  keep(path);
  assert.equal(kept(path), FILTER);
});

testRoot("a file of another user is not believed", () => {
  const path = place();
  keep(path);
  chownSync(join(path, KEY), 1000, 1000);
  assert.is(kept(path), null);
});

test("a directory that others or its group may enter, read or write is not used", () => {
  const path = place();
  keep(path);
  for (const mode of [0o701, 0o702, 0o704, 0o710, 0o720, 0o740]) {
    chmodSync(path, mode);
    assert.is(openCache(path), null, mode.toString(8));
  }
});

testRoot("a directory of another user is not used", () => {
  const path = place();
  mkdirSync(path, 0o700);
  chownSync(path, 1000, 1000);
  assert.is(openCache(path), null);
});

test("a symlink, a file or a missing parent in its place is not used", () => {
  const [link, file, real] = [place(), place(), place()];
  mkdirSync(real, 0o700);
  symlinkSync(real, link);
  writeFileSync(file, "");
  for (const path of [link, file, join(parent, "nowhere/cache")]) assert.is(openCache(path), null, path);
});

test("the number of filters is bounded", () => {
  const path = place();
  for (let index = 0; index < 200; index++) keep(path, cacheKey(index));
  assert.ok(readdirSync(path).length <= 64);
  assert.equal(kept(path, cacheKey(199)), FILTER);
});

test.run();
