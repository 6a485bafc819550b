import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { list } from "tar";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pack, unpack } from "../../../rootfs/archive.ts";
import { directory, program, symlink, textFile } from "../../../rootfs/tree.ts";
import { testIf } from "../../harness/skip.ts";

const scratch = mkdtempSync(join(tmpdir(), "tsrun-archive-"));
test.after(() => rmSync(scratch, { recursive: true }));

const TREE = [
  directory("tmp", { mode: 0o1777 }),
  directory("home/app", { owner: 1000 }),
  directory("home"),
  directory("bin"),
  textFile("home/note", ["one", "two"]),
  program("bin/tool", new Uint8Array(600).fill(7)),
  symlink("bin/sh", "bin/tool"),
];

test("an archive depends on the tree alone, not on the order of its entries", () => {
  assert.equal(pack([...TREE].reverse()), pack(TREE));
});

test("an archive is sorted, parents first, and tells neither time nor machine", async () => {
  const entries = await listed(pack(TREE));
  const paths = ["bin/", "bin/sh", "bin/tool", "home/", "home/app/", "home/note", "tmp/"];
  assert.equal(
    entries.map(({ path }) => path),
    paths,
  );
  for (const { mtime, uname, gname } of entries) {
    assert.equal({ mtime, uname, gname }, { mtime: new Date("2025-01-01"), uname: "", gname: "" });
  }
});

test("an unpacked archive has its files, links and modes, whatever the umask", () => {
  const umask = process.umask(0o077);
  const root = unpacked(TREE);
  process.umask(umask);
  assert.is(readFileSync(join(root, "home/note"), "utf8"), "one\ntwo\n");
  assert.is(readFileSync(join(root, "bin/tool")).length, 600);
  assert.is(readlinkSync(join(root, "bin/sh")), "tool");
  const modes = { "": 0o755, tmp: 0o1777, bin: 0o755, "bin/tool": 0o755, "home/note": 0o644 };
  for (const [path, mode] of Object.entries(modes)) assert.is(modeOf(join(root, path)), mode, path);
});

testIf(process.getuid?.() === 0, "needs root to give files away")(
  "an unpacked archive has its owners",
  () => {
    const { uid, gid } = lstatSync(join(unpacked(TREE), "home/app"));
    assert.equal({ uid, gid }, { uid: 1000, gid: 1000 });
  },
);

test("unpacking removes what was there before", () => {
  const root = unpacked(TREE);
  writeFileSync(join(root, "left-over"), "");
  unpack(join(scratch, "tree.tar"), root);
  assert.throws(() => lstatSync(join(root, "left-over")), /ENOENT/);
});

test("a path that ustar has no room for is refused", () => {
  assert.throws(() => pack([directory("x".repeat(300))]), "is too long for a ustar archive");
});

test("a link's target is relative, and never leads out of the tree", () => {
  assert.is(target("bin/sh", "bin/busybox"), "busybox");
  assert.is(target("usr/bin/env", "bin/busybox"), "../../bin/busybox");
  assert.is(target("sh", "bin/busybox"), "bin/busybox");
});

function target(path: string, to: string): string {
  return symlink(path, to).target;
}

function unpacked(tree: typeof TREE): string {
  const archive = join(scratch, "tree.tar");
  writeFileSync(archive, pack(tree));
  unpack(archive, join(scratch, "tree"));
  return join(scratch, "tree");
}

function modeOf(path: string): number {
  return lstatSync(path).mode & 0o7777;
}

interface Listed {
  readonly path: string;
  readonly mtime: Date | undefined;
  readonly uname: string | undefined;
  readonly gname: string | undefined;
}

async function listed(archive: Uint8Array): Promise<Listed[]> {
  const file = join(scratch, "listed.tar");
  writeFileSync(file, archive);
  const entries: Listed[] = [];
  await list({
    file,
    strict: true,
    onReadEntry: ({ path, mtime, uname, gname }) => entries.push({ path, mtime, uname, gname }),
  });
  return entries;
}

test.run();
