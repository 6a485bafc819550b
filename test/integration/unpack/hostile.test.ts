// Runs beside other files.
import { chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freshDirectory } from "../../harness/environment.ts";
import { asDirectory, imageOf, layout } from "../../harness/images.ts";
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

test("a user that the image doesn't have is refused once all is unpacked, and nothing is left", () => {
  const image = (User: string) =>
    asDirectory(
      layout([{ layers: [{ archive: tar([file("etc/passwd", "a:x:1:2::/:\n")]) }], config: { User } }]),
    );
  assert.match(refused(image("b")), /user "b": its \/etc\/passwd has no such user/);
  assert.match(refused(image("a:none")), /its \/etc\/group has no such group/);
  assert.equal(configOf(unpacked(image("a"))).process?.user, { uid: 1, gid: 2 });
});

test("a number too large for an id is not looked up as a name, which may be root's (CVE-2026-46680)", () => {
  for (const large of ["4294967295", "4294967296", "99999999999"]) {
    const passwd = file("etc/passwd", `${large}:x:0:0::/:\n`);
    const group = file("etc/group", `${large}:x:0:\n`);
    for (const User of [large, `1:${large}`]) {
      const image = layout([{ layers: [{ archive: tar([passwd, group]) }], config: { User } }]);
      assert.match(refused(asDirectory(image)), new RegExp(`user "${User}": ${large} is no id`));
    }
  }
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
