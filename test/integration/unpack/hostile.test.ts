// Runs beside other files.
import { chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freshDirectory } from "../../harness/environment.ts";
import { asArchive, asDirectory, imageOf, layout, sha256 } from "../../harness/images.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, runtime, silent, succeeded } from "../../harness/runtime.ts";
import { directory, type Entry, file, hardLink, symlink, tar } from "../../harness/tar.ts";
import { configOf, refused, treeOf, unpacked } from "../../harness/unpacked.ts";

/** What entries of layers may try to reach. */
const outside = freshDirectory("outside");
writeFileSync(join(outside, "secret"), "untouched");
mkdirSync(join(outside, "empty"));
const before = () => JSON.stringify([treeOf(outside), statSync(join(outside, "secret"))]);
const untouched = before();
const UP = "../".repeat(8);

/** Refuses an image of these layers with words about one entry of one layer. */
function refusedAt(
  layer: number,
  entry: string,
  words: RegExp,
  ...layers: readonly (readonly Entry[])[]
): void {
  const said = refused(imageOf(...layers));
  assert.match(
    said,
    new RegExp(`: layer ${layer} of ${layers.length} \\(sha256:[0-9a-f]{12}…\\): ${JSON.stringify(entry)}: `),
  );
  assert.match(said, words);
  assert.is(before(), untouched);
}

test("an entry whose path has .. is refused, wherever it leads", () => {
  refusedAt(1, `${UP}tmp/x`, /\.\./, [file(`${UP}tmp/x`)]);
  refusedAt(2, "a/../b", /\.\./, [directory("a")], [file("a/../b")]);
  refusedAt(1, "a/../.wh.b", /\.\./, [file("a/../.wh.b")]);
  refusedAt(1, "..", /\.\./, [{ ...directory(".."), mode: 0o777 }]);
});

test("an absolute name is one in the rootfs", () => {
  const bundle = unpacked(imageOf([file(join(outside, "secret"), "inside")]));
  assert.is(readFileSync(join(bundle, "rootfs", outside, "secret"), "utf8"), "inside");
  assert.is(before(), untouched);
});

for (const target of [outside, `${UP}${outside.slice(1)}`]) {
  test(`what is put behind a link to ${target[0] === "/" ? "an absolute path" : "a path with .."} stays inside`, () => {
    const entries = [
      symlink("out", target),
      file("out/secret", "inside"),
      directory("out/new"),
      file("out/.wh.empty"),
    ];
    const bundle = unpacked(imageOf(entries));
    assert.is(readFileSync(join(bundle, "rootfs", outside, "secret"), "utf8"), "inside");
    assert.is(before(), untouched);
  });

  test(`a link exchanged between two layers leads nowhere else: ${target[0] === "/" ? "absolute" : "with .."}`, () => {
    const first = [directory("d"), file("d/secret", "1")];
    const bundle = unpacked(
      imageOf(first, [symlink("d", target)], [file("d/secret", "3"), file("d/.wh..wh..opq")]),
    );
    assert.is(readFileSync(join(bundle, "rootfs", outside, "secret"), "utf8"), "3");
    assert.is(before(), untouched);
  });

  test(`a hard link to what a link leads to outside isn't made: ${target[0] === "/" ? "absolute" : "with .."}`, () => {
    refusedAt(1, "got", /hard link/, [symlink("out", target), hardLink("got", "out/secret")]);
  });
}

test("a hard link out of the rootfs is refused", () => {
  refusedAt(1, "got", /\.\./, [hardLink("got", `${UP}${outside}/secret`)]);
  refusedAt(1, "got", /hard link to .*ENOENT/, [hardLink("got", join(outside, "secret"))]);
  refusedAt(1, "self", /hard link/, [hardLink("self", "self")]);
  refusedAt(1, "dir", /hard link/, [hardLink("dir", "/")]);
});

test("a link itself is never written through: neither a file, nor a mode, an owner, a time", () => {
  const to = join(outside, "secret");
  const entries = [symlink("a", to), file("a", "x"), symlink("b", outside), directory("b", { mode: 0o777 })];
  assert.equal(treeOf(join(unpacked(imageOf(entries)), "rootfs")), { a: "x", b: "/" });
  unpacked(imageOf([{ ...symlink("a", to), uid: 7, gid: 7, mtime: 5 }]));
  assert.is(before(), untouched);
});

test("a link over a hard link to a device or FIFO is replaced, not written to", () => {
  const entries: Entry[] = [{ name: "fifo", type: "6" }, hardLink("same", "fifo"), file("same", "x")];
  assert.equal(treeOf(join(unpacked(imageOf(entries)), "rootfs")), { fifo: "special", same: "x" });
});

test("whiteouts of no file are refused, and one of / hides no more than layers", () => {
  for (const name of [".wh.", "a/.wh.", ".wh..", ".wh..."]) refusedAt(1, name, /whiteout/, [file(name)]);
  unpacked(imageOf([file("a")], [symlink("l", "/"), file("l/.wh..wh..opq")]));
  assert.is(before(), untouched);
});

test("/ may be no file, link or device", () => {
  refusedAt(1, "/", /directory/, [symlink("/", outside)]);
  refusedAt(1, "./", /directory/, [{ name: "./", type: "3", device: [1, 3] }]);
});

test("devices that Linux can't have, ids that mean none, and more devices than any image has are refused", () => {
  refusedAt(1, "d", /device 5000:1/, [{ name: "d", type: "4", device: [5000, 1] }]);
  refusedAt(1, "o", /ids end/, [{ name: "o", pax: [["uid", "4294967295"]] }]);
  refusedAt(1, "o", /ids end/, [{ name: "o", uid: -1 }]);
  const devices = Array.from(
    { length: 1025 },
    (_, at): Entry => ({ name: `dev${at}`, type: "3", device: [1, 3] }),
  );
  refusedAt(1, "dev1024", /1024/, devices);
});

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

test("the same name twice is what comes last, of any kinds", () => {
  const entries = [
    file("a", "1"),
    directory("a"),
    file("a/b", "2"),
    symlink("a", "/x"),
    file("a", "3"),
    file("a", "4"),
  ];
  assert.equal(treeOf(join(unpacked(imageOf(entries)), "rootfs")), { a: "4" });
});

test("archives that are cut short, or no archives, are refused with what is wrong", () => {
  const whole = tar([file("a", "x".repeat(5000)), file("b", "y")]);
  const cut = (length: number) =>
    refused(asDirectory(layout([{ layers: [{ archive: whole.subarray(0, length) }] }])));
  assert.match(cut(2000), /"a": .*cut short/);
  assert.match(cut(512 + 5120 + 100), /cut short/);
  assert.match(
    refused(asDirectory(layout([{ layers: [{ archive: Buffer.alloc(4096, "x") }] }]))),
    /checksum/,
  );
  const odd: Entry = { name: "?", type: "Z" };
  assert.match(refused(imageOf([odd])), /unknown type/);
  assert.match(
    refused(imageOf([{ name: "x", type: "x", content: "99 broken" }, file("a")])),
    /extended header/,
  );
  assert.match(refused(imageOf([{ name: "x", type: "L", size: 2 ** 31 }, file("a")])), /extended header/);
});

test("a name that no file system takes is refused in one short line", () => {
  const long = "n".repeat(100_000);
  const said = refused(imageOf([{ name: "x", pax: [["path", long]] }]));
  assert.match(said, /ENAMETOOLONG/);
  assert.ok(said.length < 600, said);
  assert.match(refused(imageOf([{ name: "x", pax: [["path", "a\0b"]] }])), /NUL/);
});

test("control characters of names don't reach the terminal", () => {
  assert.match(refused(imageOf([hardLink("\u001b[2Jx\n", "nowhere")])), /"\\u001b\[2Jx\\n": /);
});

test("nobody but its owner may enter a bundle, which may have set-user-ID programs", () => {
  const bundle = unpacked(imageOf([file("su", "", { mode: 0o4755 })]));
  assert.is(statSync(bundle).mode & 0o777, 0o700);
  const open = freshDirectory("open");
  assert.is(statSync(open).mode & 0o777, 0o755);
  complaint(runtime(["unpack", imageOf([hardLink("a", "b")]), open]));
  assert.is(statSync(open).mode & 0o777, 0o755);
  silent(runtime(["unpack", imageOf([file("a")]), open]));
  assert.is(statSync(open).mode & 0o777, 0o700);
});

test("a directory of another user's, who could change what is unpacked, is not unpacked into", () => {
  const others = freshDirectory("others");
  chownSync(others, 1000, 1000);
  const said = complaint(runtime(["unpack", imageOf([file("a")]), others]));
  assert.match(said, /others.*: belongs to another user \(1000\)/);
  assert.equal(readdirSync(others), []);
  const { uid, mode } = statSync(others);
  assert.equal([uid, mode & 0o777], [1000, 0o755]);
});

test("a directory that isn't empty is not unpacked into, and stays as it is", () => {
  const directoryWithFile = freshDirectory("full");
  writeFileSync(join(directoryWithFile, "mine"), "1");
  assert.match(complaint(runtime(["unpack", imageOf([file("a")]), directoryWithFile])), /not empty/);
  assert.equal(readdirSync(directoryWithFile), ["mine"]);
  assert.is(statSync(directoryWithFile).mode & 0o777, 0o755);
  const empty = freshDirectory("empty");
  assert.match(complaint(runtime(["unpack", imageOf([hardLink("a", "b")]), empty])), /hard link/);
  assert.equal(readdirSync(empty), []);
});

test("labels that runtimes would obey as annotations are left out, and that is said", () => {
  const mark = join(freshDirectory("label"), "mark");
  const unsafe = JSON.parse(succeeded(runtime(["features"])).stdout)
    .potentiallyUnsafeConfigAnnotations as string[];
  const orders = {
    ...Object.fromEntries(unsafe.map((name) => [name.endsWith(".") ? `${name}X` : name, mark])),
    "org.tsrun.trace": outside,
    "org.systemd.property.MemoryMax": "uint64 1",
    "run.oci.keep_original_groups": "1",
    "io.kubernetes.cri.sandbox-id": "another",
  };
  const config = { Labels: { note: "kept", "org.tsrun.notes": "kept", ...orders } };
  const bundle = join(freshDirectory("labels"), "bundle");
  const outcome = runtime(["unpack", asDirectory(layout([{ layers: [], config }])), bundle]);
  assert.is(outcome.status, 0, outcome.stderr);
  for (const name of Object.keys(orders)) {
    assert.is(configOf(bundle).annotations?.[name], undefined, name);
    assert.ok(outcome.stderr.includes(`"${name}"`), `${name}: ${outcome.stderr}`);
  }
  assert.is(configOf(bundle).annotations?.["note"], "kept");
  assert.is(configOf(bundle).annotations?.["org.tsrun.notes"], "kept");
});

// Digests

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

test("a user that the image doesn't have is refused once all is unpacked, and nothing is left", () => {
  const image = (User: string) =>
    asDirectory(
      layout([{ layers: [{ archive: tar([file("etc/passwd", "a:x:1:2::/:\n")]) }], config: { User } }]),
    );
  assert.match(refused(image("b")), /user "b": its \/etc\/passwd has no such user/);
  assert.match(refused(image("a:none")), /its \/etc\/group has no such group/);
  assert.equal(configOf(unpacked(image("a"))).process?.user, { uid: 1, gid: 2 });
});

test("an /etc/passwd that leads out, or is a FIFO, holds up nobody", () => {
  for (const passwd of [
    symlink("etc/passwd", "/../../../../etc/passwd"),
    { name: "etc/passwd", type: "6" },
  ]) {
    const image = asDirectory(layout([{ layers: [{ archive: tar([passwd]) }], config: { User: "root" } }]));
    assert.match(refused(image), /no such user/);
  }
});

leavesNothing();
test.run();
