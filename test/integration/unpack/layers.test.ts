// Runs beside other files.
import { execFileSync } from "node:child_process";
import { lstatSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freshDirectory } from "../../harness/environment.ts";
import { asDirectory, imageOf, layout } from "../../harness/images.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, silent } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import { directory, type Entry, file, hardLink, symlink, tar } from "../../harness/tar.ts";
import { rootfsOf, treeOf, unpacked } from "../../harness/unpacked.ts";

const mode = (path: string) => (statSync(path).mode & 0o7777).toString(8);

test("files have their content, owner, mode and time, set-user-ID too", () => {
  const root = rootfsOf([
    directory("bin"),
    file("bin/su", "text", { mode: 0o4755, uid: 0, gid: 42, mtime: 1_234_567_890 }),
    file("mine", "", { uid: 100_000, gid: 4_294_967_294, mode: 0o1600 }),
  ]);
  const su = statSync(join(root, "bin/su"));
  assert.is(readFileSync(join(root, "bin/su"), "utf8"), "text");
  assert.equal([su.uid, su.gid, su.mtimeMs], [0, 42, 1_234_567_890_000]);
  assert.is(mode(join(root, "bin/su")), "4755");
  const mine = statSync(join(root, "mine"));
  assert.equal([mine.uid, mine.gid, mode(join(root, "mine"))], [100_000, 4_294_967_294, "1600"]);
});

test("directories keep their times, whatever is made in them afterwards, in this layer or the next", () => {
  const root = rootfsOf(
    [directory(".", { mtime: 1_000_000 }), directory("a", { mtime: 2_000_000, mode: 0o2750 }), file("a/x")],
    [file("a/y")],
  );
  assert.is(statSync(root).mtimeMs, 1_000_000_000);
  assert.is(statSync(join(root, "a")).mtimeMs, 2_000_000_000);
  assert.is(mode(join(root, "a")), "2750");
});

test("modes are the image's whatever the caller's umask, and those of / and of what only has content are usual", () => {
  const bundle = join(freshDirectory("umask"), "bundle");
  const through = ["sh", "-c", 'umask 077; exec "$@"', "sh"];
  silent(runtime(["unpack", imageOf([file("a/b/c", "", { mode: 0o666 })]), bundle], { through }));
  assert.equal(
    ["", "a", "a/b", "a/b/c"].map((name) => mode(join(bundle, "rootfs", name))),
    ["755", "755", "755", "666"],
  );
});

test("links, hard links, FIFOs and devices are what they are", () => {
  const root = rootfsOf([
    file("file", "x"),
    hardLink("again", "file"),
    { ...symlink("link", "/nowhere"), mtime: 77 },
    hardLink("link2", "link"),
    { name: "fifo", type: "6", mode: 0o620 },
    { name: "null", type: "3", device: [1, 3], mode: 0o666 },
    { name: "disk", type: "4", device: [259, 70_000], mode: 0o660, gid: 6 },
  ]);
  assert.is(statSync(join(root, "file")).ino, statSync(join(root, "again")).ino);
  assert.is(treeOf(root)["link2"], "-> /nowhere");
  assert.is(lstatSync(join(root, "link")).mtimeMs, 77_000);
  assert.ok(lstatSync(join(root, "fifo")).isFIFO());
  assert.is(mode(join(root, "fifo")), "620");
  const said = execFileSync("stat", ["-c", "%F %t:%T %a %g", join(root, "null"), join(root, "disk")], {
    encoding: "utf8",
  });
  assert.is(said, "character special file 1:3 666 0\nblock special file 103:11170 660 6\n");
});

const LONG = `${"d".repeat(120)}/${"e".repeat(200)}`;

test("long names and links, large ids and sizes are read in pax's form, and names that are not UTF-8", () => {
  const root = rootfsOf([
    { name: "short", pax: [["path", `${LONG}/x`]], content: "long" },
    { ...symlink("link", "short"), pax: [["linkpath", LONG]] },
    {
      name: "id",
      pax: [
        ["uid", "3000000000"],
        ["mtime", "1.25"],
        ["gid", ""],
      ],
      gid: 5,
    },
    { name: "early", pax: [["mtime", "-1.5"]] },
    file(Uint8Array.of(0x66, 0xff, 0xe4), "latin1"),
    file("ünï", "utf8"),
  ]);
  assert.is(readFileSync(join(root, LONG, "x"), "utf8"), "long");
  assert.is(readlinkSync(join(root, "link")), LONG);
  const id = statSync(join(root, "id"));
  assert.equal([id.uid, id.gid, id.mtimeMs], [3_000_000_000, 5, 1250]);
  assert.is(statSync(join(root, "early")).mtimeMs, -1500);
  assert.is(readFileSync(Buffer.from(`${root}/f\xff\xe4`, "latin1"), "utf8"), "latin1");
  assert.is(readFileSync(join(root, "ünï"), "utf8"), "utf8");
});

test("long names and links are read in GNU tar's form", () => {
  const long = (type: string, text: string): Entry => ({
    name: "././@LongLink",
    type,
    content: `${text}\0`,
    gnu: true,
  });
  const root = rootfsOf([
    long("L", `${LONG}/x`),
    file("cut", "gnu", { gnu: true }),
    long("L", "link"),
    long("K", LONG),
    { ...symlink("cut", "cut"), gnu: true },
  ]);
  assert.is(readFileSync(join(root, LONG, "x"), "utf8"), "gnu");
  assert.is(treeOf(root)["link"], `-> ${LONG}`);
});

const hasTar = execFileSync("sh", ["-c", "tar --version 2>/dev/null || true"], { encoding: "utf8" }).includes(
  "GNU",
);

for (const format of [
  "--format=gnu",
  "--sparse-version=0.0",
  "--sparse-version=0.1",
  "--sparse-version=1.0",
]) {
  testIf(hasTar, "needs GNU tar")(`sparse files keep their holes: tar ${format}`, () => {
    const flags = format.startsWith("--format") ? [format] : ["--format=pax", format];
    const script = `
      truncate -s 5M sparse; printf middle | dd of=sparse bs=1 seek=2000000 conv=notrunc 2>/dev/null
      for i in $(seq 1 60); do printf $i | dd of=many bs=1 seek=$((i * 100000)) conv=notrunc 2>/dev/null; done
      truncate -s 9M many; echo after >after
      tar --create --sparse "$@" sparse many after`;
    const cwd = rootfsOf([directory("work")]);
    const archive = execFileSync("sh", ["-c", script, "sh", ...flags], { cwd, maxBuffer: 1 << 26 });
    const root = join(unpacked(asDirectory(layout([{ layers: [{ archive }] }]))), "rootfs");
    for (const name of ["sparse", "many", "after"]) {
      assert.ok(readFileSync(join(root, name)).equals(readFileSync(join(cwd, name))), name);
    }
    assert.ok(statSync(join(root, "sparse")).blocks < 100);
  });
}

const hasAttr = ["setfattr", "getfattr"].every((program) => Bun.which(program) !== null);
testIf(hasAttr, "needs setfattr and getfattr (Debian: attr)")(
  "extended attributes are set: capabilities of files, of directories and links; labels of another machine are not",
  () => {
    const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");
    const root = rootfsOf([
      file("ping", "", {
        pax: [
          ["SCHILY.xattr.security.capability", capability],
          ["SCHILY.xattr.security.selinux", "system_u:object_r:bin_t:s0"],
          ["SCHILY.xattr.trusted.overlay.opaque", "y"],
          ["SCHILY.xattr.trusted.note", "binary \0 and = and \n"],
        ],
        uid: 5,
      }),
      directory("dir", { pax: [["SCHILY.xattr.trusted.note", "d"]] }),
      { ...symlink("link", "ping"), pax: [["SCHILY.xattr.trusted.note", "l"]] },
    ]);
    const found = (name: string) =>
      execFileSync("getfattr", ["-h", "-d", "-m", "-", "-e", "hex", name], { cwd: root, encoding: "utf8" });
    assert.match(found("ping"), /security\.capability=0x0100000200040000/);
    assert.match(found("ping"), /trusted\.note=0x62696e61727920002061/);
    assert.not.match(found("ping"), /overlay|bin_t|73797374656d5f75/);
    assert.match(found("dir"), /trusted\.note=0x64/);
    assert.match(found("link"), /trusted\.note=0x6c/);
  },
);

// One layer over another

test("a later layer replaces files by directories, directories by files, links by what it has", () => {
  const root = rootfsOf(
    [
      file("a", "1"),
      directory("b"),
      file("b/x", "1"),
      symlink("c", "b"),
      file("d", "old"),
      hardLink("e", "d"),
    ],
    [directory("a"), file("a/y", "2"), file("b", "2"), directory("c"), file("c/z", "2"), file("d", "new")],
  );
  const expected = { a: "/", "a/y": "2", b: "2", c: "/", "c/z": "2", d: "new", e: "old" };
  assert.equal(treeOf(root), expected);
});

test("a directory that a later layer has again keeps its content, and takes the later mode", () => {
  const root = rootfsOf(
    [directory("a"), file("a/x", "1")],
    [directory("a", { mode: 0o700 }), file("a/y", "2")],
  );
  assert.equal(treeOf(root), { a: "/", "a/x": "1", "a/y": "2" });
  assert.is(mode(join(root, "a")), "700");
});

test("a whiteout hides a file or a directory of the layers below, and is no file itself", () => {
  const root = rootfsOf(
    [file("a"), directory("b"), directory("b/c"), file("b/c/d"), file("keep", "1")],
    [file(".wh.a"), file(".wh.b"), file("gone/.wh.never"), file("b/.wh.c")],
  );
  assert.equal(treeOf(root), { keep: "1" });
});

test("a whiteout doesn't hide what its own layer has, before it or after", () => {
  const before = [
    file("a", "old"),
    directory("d"),
    file("d/old", "1"),
    directory("d/e"),
    file("d/e/old", "1"),
  ];
  const own = [file("a", "new"), directory("d"), file("d/new", "2"), file("d/e/new", "2")];
  const expected = { a: "new", d: "/", "d/e": "/", "d/e/new": "2", "d/new": "2" };
  assert.equal(treeOf(rootfsOf(before, [file(".wh.a"), file(".wh.d"), ...own])), expected);
  assert.equal(treeOf(rootfsOf(before, [...own, file(".wh.a"), file(".wh.d")])), expected);
});

test("an opaque whiteout hides all that layers below have in a directory, also where it comes last", () => {
  const before = [directory("d"), file("d/old"), directory("d/e"), file("d/e/old"), file("other", "1")];
  const own = [directory("d"), file("d/new", "2"), directory("d/e"), file("d/e/new", "2")];
  const expected = { d: "/", "d/e": "/", "d/e/new": "2", "d/new": "2", other: "1" };
  assert.equal(treeOf(rootfsOf(before, [file("d/.wh..wh..opq"), ...own])), expected);
  assert.equal(treeOf(rootfsOf(before, [...own, file("d/.wh..wh..opq")])), expected);
});

test("an opaque root hides all layers below", () => {
  assert.equal(
    treeOf(rootfsOf([file("a"), directory("b"), file("b/c")], [file(".wh..wh..opq"), file("x", "2")])),
    { x: "2" },
  );
});

test("what a whiteout hides through a link to a directory is what the link leads to", () => {
  const before = [
    directory("usr"),
    directory("usr/lib"),
    file("usr/lib/a"),
    file("usr/lib/b"),
    symlink("lib", "usr/lib"),
  ];
  const expected = { lib: "-> usr/lib", usr: "/", "usr/lib": "/", "usr/lib/b": "2" };
  assert.equal(treeOf(rootfsOf(before, [file("lib/b", "2"), file("usr/lib/.wh..wh..opq")])), expected);
  assert.equal(treeOf(rootfsOf(before, [file("lib/.wh.a"), file("usr/lib/b", "2")])), expected);
});

test("files are put behind links that stay inside, absolute ones too, and ones to what isn't there yet", () => {
  const root = rootfsOf(
    [directory("usr"), directory("usr/lib"), symlink("lib", "/usr/lib"), symlink("run", "var/run")],
    [file("lib/a", "1"), file("run/b", "2")],
  );
  const expected = { lib: "-> /usr/lib", run: "-> var/run", usr: "/", "usr/lib": "/", "usr/lib/a": "1" };
  assert.equal(treeOf(root), { ...expected, var: "/", "var/run": "/", "var/run/b": "2" });
});

test("what aufs left in layers, and headers for all entries, are no files", () => {
  const aufs = [file(".wh..wh.aufs"), directory(".wh..wh.plnk"), file(".wh..wh.plnk/1.2", "x")];
  const global: Entry = {
    name: "pax_global_header",
    type: "g",
    content: "19 comment=unknown\n".replace("19", "19"),
  };
  assert.equal(treeOf(rootfsOf([global, ...aufs, file("a", "1")])), { a: "1" });
});

test("names may begin with ./ or /, and archives may lack their end or have more behind it", () => {
  const entries = [file("./a", "1"), file("/b", "2"), directory("./")];
  const whole = tar(entries);
  for (const archive of [tar(entries, false), whole, Buffer.concat([whole, new Uint8Array(9000)])])
    assert.equal(treeOf(join(unpacked(asDirectory(layout([{ layers: [{ archive }] }]))), "rootfs")), {
      a: "1",
      b: "2",
    });
});

test("a directory as deep as names reach is unpacked, hidden and removed", () => {
  const deep = Array.from({ length: 1500 }, () => "d").join("/");
  const rest = Array.from({ length: 1500 }, () => "e").join("/");
  const layers = [
    [directory(deep), symlink("l", deep), file(`l/${rest}/x`)],
    [file(".wh.d"), file(".wh.l")],
  ];
  const long = (entry: Entry): Entry =>
    typeof entry.name === "string" && entry.name.length > 100
      ? { ...entry, name: "x", pax: [["path", entry.name]] }
      : entry;
  assert.equal(treeOf(rootfsOf(...layers.map((entries) => entries.map(long)))), {});
});

leavesNothing();
test.run();
