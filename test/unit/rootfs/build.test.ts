import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { busyboxTree } from "../../../rootfs/busybox-tree.ts";
import { pauseTree } from "../../../rootfs/pause-tree.ts";
import type { Entry } from "../../../rootfs/tree.ts";
import type { Config } from "../../../runtime-spec/config.ts";

const PROJECT = join(import.meta.dir, "../../..");
const scratch = mkdtempSync(join(tmpdir(), "tsrun-build-"));
test.after(() => rmSync(scratch, { recursive: true }));

const NOTHING = new Uint8Array();
const BUSYBOX = busyboxTree({
  binary: NOTHING,
  applets: ["bin/busybox", "bin/sh", "sbin/init", "usr/bin/wget"],
});

test("two builds give the same archives, byte for byte", () => {
  const [one, two] = [built("one"), built("two")];
  for (const name of ["rootfs/pause.tar", "rootfs/busybox.tar"]) {
    assert.ok(readFileSync(join(one, name)).equals(readFileSync(join(two, name))), name);
  }
});

test("every bundle has a config.json, whose program is in its rootfs", () => {
  const out = built("bundles");
  for (const name of ["sandbox", "web", "client", "shell"]) {
    const bundle = join(out, "bundles", name);
    const program = readConfig(bundle).process?.args[0] ?? "";
    const directories = program.startsWith("/") ? [""] : ["bin", "sbin", "usr/bin", "usr/sbin"];
    const found = directories.some((directory) => existsSync(join(bundle, "rootfs", directory, program)));
    assert.ok(found, `${name}: ${program}`);
  }
});

test("bundles do not share files", () => {
  const out = built("unshared");
  const inodes = ["web", "client", "shell"].map(
    (name) => lstatSync(join(out, "bundles", name, "rootfs/bin/busybox")).ino,
  );
  assert.is(new Set(inodes).size, 3);
});

test("without busybox the build says in one line what to install", () => {
  const { status, stderr } = build("none", "--busybox", join(scratch, "absent"));
  assert.is(status, 1);
  const line = `rootfs/build.ts: there is no ${scratch}/absent: install it with apt-get install busybox-static\n`;
  assert.is(stderr, line);
});

test("a busybox that needs a libc beside it is refused", () => {
  const { status, stderr } = build("dynamic", "--busybox", "/bin/ls");
  assert.is(status, 1);
  assert.match(stderr, "/bin/ls is not a static program: install it with apt-get install busybox-static");
});

test("join-sandbox writes a pod's container that uses the bundle's rootfs", () => {
  const [bundle, member] = [join(built("pod"), "bundles/web"), join(scratch, "member")];
  const { status, stderr } = bun("rootfs/join-sandbox.ts", "--share-pid", bundle, "42", member);
  assert.is(status, 0, stderr);
  const { root, linux } = readConfig(member);
  assert.is(root.path, join(bundle, "rootfs"));
  const joined = (linux?.namespaces ?? []).filter(({ path }) => path !== undefined);
  assert.equal(
    joined.map(({ path }) => path),
    ["pid", "net", "ipc", "uts"].map((file) => `/proc/42/ns/${file}`),
  );
});

test("join-sandbox says how it's used when a word is missing or the pid is none", () => {
  for (const words of [[], [scratch, "0", scratch], [scratch, "42"]]) {
    const { status, stderr } = bun("rootfs/join-sandbox.ts", ...words);
    assert.equal([status, stderr.split(" ")[0]], [1, "usage:"]);
  }
});

for (const [name, tree] of [
  ["pause", pauseTree(NOTHING)],
  ["busybox", BUSYBOX],
] as const) {
  test(`the ${name} rootfs holds every entry's parent, and nothing twice`, () => {
    const paths = new Set(tree.map(({ path }) => path));
    assert.is(paths.size, tree.length);
    const orphans = [...paths].filter((path) => dirname(path) !== "." && !paths.has(dirname(path)));
    assert.equal(orphans, []);
  });

  test(`the ${name} rootfs has the mount points of a read-only root`, () => {
    const directories = tree.filter(({ type }) => type === "directory").map(({ path }) => path);
    for (const path of ["dev", "proc", "sys"]) assert.ok(directories.includes(path), path);
  });
}

test("busybox's links lead to busybox, and init has none", () => {
  const links = new Map(BUSYBOX.flatMap((entry) => (entry.type === "symlink" ? [[entry.path, entry]] : [])));
  assert.equal([...links.keys()], ["bin/sh", "usr/bin/wget"]);
  for (const { path, target } of links.values()) {
    assert.is(posix.join(posix.dirname(path), target), "bin/busybox");
  }
});

test("the busybox rootfs knows root, app and nobody", () => {
  const users = text(BUSYBOX, "etc/passwd")
    .split("\n")
    .map((line) => line.split(":").slice(0, 3).join(":"));
  assert.equal(users, ["root:x:0", "app:x:1000", "nobody:x:65534", ""]);
});

function text(tree: readonly Entry[], path: string): string {
  const entry = tree.find((one) => one.path === path);
  return entry?.type === "file" ? new TextDecoder().decode(entry.content) : "";
}

/** A fresh build; returns its directory. */
function built(name: string): string {
  const { status, stderr } = build(name);
  assert.is(status, 0, stderr);
  return join(scratch, name);
}

function build(name: string, ...flags: string[]) {
  return bun("rootfs/build.ts", "--out", join(scratch, name), ...flags);
}

function bun(...words: string[]) {
  return spawnSync(process.execPath, words, { cwd: PROJECT, encoding: "utf8" });
}

function readConfig(bundle: string): Config {
  return JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as Config; // just written by the build
}

test.run();
