// Runs beside other files.
import { cpSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freshDirectory } from "../../harness/environment.ts";
import { asDirectory, layout, sha256 } from "../../harness/images.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { file, tar } from "../../harness/tar.ts";
import { refused, treeOf, unpacked } from "../../harness/unpacked.ts";

test("every digest is checked: of indexes' manifests, configs and layers, compressed or not", () => {
  for (const compression of ["plain", "gzip", "zstd"] as const) {
    const files = layout([{ layers: [{ archive: tar([file("a", "x".repeat(3000))]), compression }] }]);
    for (const [path, content] of files) {
      if (!path.startsWith("blobs/")) continue;
      const changed = new Map(files).set(path, damaged(content));
      assert.match(refused(asDirectory(changed)), /digest|decompressed|checksum/, `${compression} ${path}`);
      const longer = new Map(files).set(path, Buffer.concat([content, Buffer.from(" ")]));
      assert.match(refused(asDirectory(longer)), /bytes, and should have/, `${compression} ${path}`);
    }
  }
});

test("a file of the image that is a link out of it is not read", () => {
  const image = asDirectory(layout([{ layers: [{ archive: tar([file("a")]) }] }]));
  const blobs = join(image, "blobs");
  const moved = join(freshDirectory("moved"), "blobs");
  cpSync(blobs, moved, { recursive: true });
  rmSync(blobs, { recursive: true });
  symlinkSync(moved, blobs);
  assert.match(refused(image), /: blobs\/sha256\/\w+: is a link that leads out of the image$/);
});

/** The same length, one letter or byte changed, and no syntax. */
function damaged(content: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(content);
  const at = Buffer.from(content).lastIndexOf("linux");
  const where = at >= 0 ? at : Math.floor(content.length / 2);
  changed[where] = (changed[where] ?? 0) ^ 1;
  return changed;
}

const pieces = [tar([file("a", "x".repeat(9000))], false), tar([file("b", "y")])] as const;

const whole = Buffer.concat(pieces);

/** A zstd frame that decoders leave out (RFC 8878), as zstd:chunked has one for its table of contents. */
const skippable = Buffer.concat([Buffer.from("502a4d1803000000", "hex"), Buffer.from("toc")]);

for (const [what, blob] of [
  ["gzip in several members, as eStargz is", Buffer.concat(pieces.map((piece) => gzipSync(piece)))],
  [
    "zstd in several frames, as zstd:chunked is",
    Buffer.concat([...pieces.map((piece) => zstdCompressSync(piece)), skippable]),
  ],
  ["zstd that begins with a frame to skip", Buffer.concat([skippable, zstdCompressSync(whole)])],
] as const) {
  test(`a layer may be ${what}`, () => {
    assert.equal(treeOf(join(unpacked(withBlob(blob)), "rootfs")), { a: "x".repeat(9000), b: "y" });
  });
}

for (const [what, blob] of [
  ["gzip that is cut short", gzipSync(whole).subarray(0, -9)],
  ["zstd that is cut short", zstdCompressSync(whole).subarray(0, -5)],
  [
    "gzip whose checksum is wrong",
    gzipSync(whole).map((byte, at, all) => (at === all.length - 6 ? byte ^ 1 : byte)),
  ],
  ["gzip of less than the archive", gzipSync(whole.subarray(0, -512))],
] as const) {
  test(`a layer is refused that is ${what}, though its file has the right digest`, () => {
    assert.match(refused(withBlob(blob)), /layer 1 of 1 .*(decompressed|digest)/);
  });
}

/** An image whose layer's file is this, and should unpack to `whole`. */
function withBlob(blob: Uint8Array): string {
  const files = layout([{ layers: [{ archive: whole }] }]);
  const text = Buffer.from(files.get("index.json") ?? "").toString();
  const [, manifest = ""] = /"sha256:([0-9a-f]+)"/.exec(text) ?? [];
  const old = JSON.parse(Buffer.from(files.get(`blobs/sha256/${manifest}`) ?? "").toString());
  const layers = [{ ...old.layers[0], digest: `sha256:${sha256(blob)}`, size: blob.length }];
  const changed = Buffer.from(JSON.stringify({ ...old, layers }));
  const descriptor = { digest: `sha256:${sha256(changed)}`, size: changed.length };
  files.set(`blobs/sha256/${sha256(blob)}`, blob).set(`blobs/sha256/${sha256(changed)}`, changed);
  return asDirectory(files.set("index.json", Buffer.from(JSON.stringify({ manifests: [descriptor] }))));
}

test("a layer whose archive isn't the one of the config is refused", () => {
  const [good, bad] = [tar([file("a", "1")]), tar([file("a", "2")])];
  const files = layout([{ layers: [{ archive: good, compression: "gzip" }] }]);
  const swapped = JSON.stringify(
    [...files].map(([path, content]) => [path, Buffer.from(content).toString("latin1")]),
  );
  const other = new Map<string, Uint8Array>();
  const text = swapped.replaceAll(sha256(good), sha256(bad));
  for (const [path, content] of JSON.parse(text) as [string, string][])
    other.set(path, Buffer.from(content, "latin1"));
  assert.match(refused(asDirectory(other)), /digest/);
});

test("digests are no paths, and documents that are no documents are refused with their place", () => {
  const index = (digest: string) =>
    new Map([
      ["index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [{ digest, size: 2 }] }))],
    ]);
  assert.match(
    refused(asDirectory(index(`sha256:../../${"a".repeat(58)}`))),
    /manifests\[0\]\.digest: must be a digest/,
  );
  assert.match(refused(asDirectory(index(`sha256:${"a".repeat(64)}`))), /lacks the file blobs\/sha256\/a+/);
  assert.match(refused(asDirectory(new Map([["index.json", Buffer.from("{")]]))), /index\.json:1:2/);
  assert.match(refused(asDirectory(new Map())), /neither an index\.json .* nor a manifest\.json/);
});

leavesNothing();
test.run();
