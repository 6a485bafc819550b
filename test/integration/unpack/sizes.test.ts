// Runs beside other files.
// What claims to be small, and isn't.
import { statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freshDirectory } from "../../harness/environment.ts";
import { asArchive, asDirectory, imageOf, layout } from "../../harness/images.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime } from "../../harness/runtime.ts";
import { directory, type Entry, file, tar } from "../../harness/tar.ts";
import { refused, treeOf, unpacked } from "../../harness/unpacked.ts";

const bomb = (compress: (bytes: Uint8Array) => Uint8Array) => {
  const archive = tar([file("small", "x"), file("zeros", new Uint8Array(64 << 20))]);
  return { archive, blob: compress(archive) };
};

for (const [name, compress] of [
  ["gzip", gzipSync],
  ["zstd", zstdCompressSync],
] as const) {
  test(`what unpacks to more than --max-size allows is refused: ${name}`, () => {
    const { blob } = bomb(compress);
    assert.ok(blob.length < 100_000);
    const image = asDirectory(layout([{ layers: [{ archive: bomb(compress).archive, compression: name }] }]));
    assert.match(
      refused(image, "--max-size", "10M"),
      /layer 1 of 1 .*"zeros": unpacks to more than 10485760 bytes.*--max-size/,
    );
    assert.is(treeOf(join(unpacked(image, "--max-size", "70M"), "rootfs"))["small"], "x");
    assert.is(treeOf(join(unpacked(image, "--max-size", "-1"), "rootfs"))["small"], "x");
  });
}

test("a huge sparse file takes no room, and its map must fit it", () => {
  const map = (text: string): Entry => ({
    name: "s",
    content: "ab",
    pax: [
      ["GNU.sparse.major", "0"],
      ["GNU.sparse.minor", "1"],
      ["GNU.sparse.size", "1000000000000"],
      ["GNU.sparse.map", text],
    ],
  });
  const root = join(unpacked(imageOf([map("0,1,999999999999,1")])), "rootfs");
  const { size, blocks } = statSync(join(root, "s"));
  assert.is(size, 1_000_000_000_000);
  assert.ok(blocks < 100);
  for (const wrong of ["0,1", "5,1,0,1", "0,1,1000000000000,1", "0,2,1", "0,99999999999999999999", "x,2"])
    assert.match(refused(imageOf([map(wrong)])), /sparse/);
});

test("short parts of sparse files, which take whole blocks, and the directories on the way, count", () => {
  const count = 4000;
  const map = Array.from({ length: count }, (_, at) => `${at * 8192},1`).join();
  const sparse = file("s", "x".repeat(count), {
    pax: [
      ["GNU.sparse.major", "0"],
      ["GNU.sparse.minor", "1"],
      ["GNU.sparse.size", `${count * 8192}`],
      ["GNU.sparse.map", map],
    ],
  });
  assert.match(refused(imageOf([sparse]), "--max-size", "4M"), /"s": unpacks to more than 4194304 bytes/);
  unpacked(imageOf([sparse]), "--max-size", "20M");
  const name = `a${"/d".repeat(2000)}`;
  const deep: Entry = { name: "x", pax: [["path", name]] };
  assert.match(refused(imageOf([deep]), "--max-size", "4M"), /unpacks to more than 4194304 bytes/);
  unpacked(imageOf([deep]), "--max-size", "20M");
});

test("an attribute's name that ends before its end is refused: the label of a security module, perhaps", () => {
  const entry = file("f", "", { pax: [["SCHILY.xattr.security.selinux\0x", "label"]] });
  assert.match(refused(imageOf([entry])), /key has a NUL byte/);
});

test("an archive with more entries than an image has files is refused, whatever they are", () => {
  const many = Array.from({ length: 100_001 }, () => directory("d"));
  assert.match(refused(asArchive(many)), /has more than 100000 files/);
});

test("of a hundred thousand mistakes some are told", () => {
  const manifests = Array.from({ length: 100_000 }, () => ({ digest: "x\u001b[2J", size: 1 }));
  const image = asDirectory(new Map([["index.json", Buffer.from(JSON.stringify({ manifests }))]]));
  const { status, stderr } = runtime(["unpack", image, join(freshDirectory("none"), "bundle")]);
  assert.is(status, 1);
  assert.match(stderr, /index\.json: 99990 more such problems\n$/);
  assert.is(stderr.split("\n").length, 12);
});

leavesNothing();
test.run();
