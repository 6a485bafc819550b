// Runs beside other files.
// New file systems and their options: tmpfs, overlay, remounts.
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, type JsonObject } from "../../harness/bundle.ts";
import { inside, ran, ranIn } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mountAt } from "../../harness/mountinfo.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";
import { bind, hostDirectory, PROC, shellWith, tableWith } from "../../harness/volumes.ts";

// tmpfs

test("a tmpfs without a mode has that of the directory it covers", () => {
  const tmpfs = { type: "tmpfs", source: "tmpfs" };
  const { path, rootfs } = bundle({
    args: ["stat", "-c", "%a", "/tmp", "/private", "/link", "/chosen", "/fresh"],
    mounts: [
      ...DEFAULT_MOUNTS,
      ...["/tmp", "/private", "/link", "/fresh"].map((destination) => ({ destination, ...tmpfs })),
      { destination: "/chosen", ...tmpfs, options: ["mode=711"] },
    ],
  });
  for (const [name, mode] of [
    ["tmp", 0o1777],
    ["private", 0o700],
    ["chosen", 0o700],
    ["led", 0o750],
  ] as const) {
    mkdirSync(join(rootfs, name), { recursive: true });
    chmodSync(join(rootfs, name), mode);
  }
  symlinkSync("led", join(rootfs, "link"));
  assert.is(succeeded(ranIn(path)).stdout, "1777\n700\n777\n711\n1777\n");
});

for (const [option, ...expected] of [
  ["size=64k,mode=711", "size=64k", "mode=711"],
  ["ro,noexec", "ro", "noexec"],
  ["mpol=bind:0,nr_inodes=9", "mpol=bind:0", "nr_inodes=9"],
] as const) {
  testTsrun(`a string of several options is taken apart: ${option}`, () => {
    const tmpfs = { destination: "/volume", type: "tmpfs", source: "tmpfs", options: [option] };
    const { options, superOptions } = mountAt(tableWith(tmpfs), "/volume");
    for (const one of expected) assert.ok([...options, ...superOptions].includes(one), one);
  });
}

test("a read-only tmpfs may have other mounts in it, and devices", () => {
  const readOnly = (destination: string) => ({
    destination,
    type: "tmpfs",
    source: "tmpfs",
    options: ["ro"],
  });
  const [proc, dev, ...others] = DEFAULT_MOUNTS;
  const seen = inside(
    ["sh", "-c", "cat /run/a/file; touch /run/x /dev/x 2>&1; echo > /dev/null; ls /dev/pts"],
    {
      mounts: [
        proc ?? {},
        { ...dev, options: ["nosuid", "ro"] },
        ...others,
        readOnly("/run"),
        bind(hostDirectory("file"), "/run/a"),
      ],
    },
  );
  assert.match(seen, /^file's content(touch: .*Read-only file system\n){2}ptmx\n$/);
});

// Options of file systems

for (const option of ["sync", "dirsync", "lazytime", "mand", "iversion", "acl", "noacl", "silent", "async"]) {
  test(`a tmpfs takes the option ${option}`, () => {
    const tmpfs = { destination: "/fresh", type: "tmpfs", source: "tmpfs", options: [option, "size=64k"] };
    const mount = mountAt(tableWith(tmpfs), "/fresh");
    if (["sync", "dirsync", "lazytime"].includes(option)) assert.ok(mount.superOptions.includes(option));
  });
}

/** A directory with `layers` directories in it, each with a file of its name, and one to work in. */
function layers(count: number, length: number) {
  const path = hostDirectory();
  const names = Array.from({ length: count }, (_, index) => `${index}`.padStart(length, "x"));
  for (const name of names) mkdirSync(join(path, name));
  for (const [index, name] of names.entries()) writeFileSync(join(path, name, `of-${index}`), "");
  mkdirSync(join(path, "upper"));
  mkdirSync(join(path, "work"));
  return { path, lower: names.map((name) => join(path, name)).join(":") };
}

for (const [count, length] of [
  [2, 1],
  [12, 100],
] as const) {
  test(`an overlay of ${count} layers with names of ${length} letters is mounted`, () => {
    const { path, lower } = layers(count, length);
    const options = [`lowerdir=${lower}`, `upperdir=${path}/upper`, `workdir=${path}/work`, "nodev"];
    const overlay = { destination: "/whole", type: "overlay", source: "overlay", options };
    assert.is(
      shellWith(
        [overlay],
        "ls /whole | wc -l; touch /whole/made; grep -c 'whole.*nodev' /proc/self/mountinfo",
      ),
      `${count}\n1\n`,
    );
    assert.ok(existsSync(join(path, "upper/made")));
  });
}

testTsrun("more options than a page are refused", () => {
  const { lower } = layers(45, 100);
  const overlay = {
    destination: "/whole",
    type: "overlay",
    source: "overlay",
    options: [`lowerdir=${lower}`],
  };
  assert.match(complaint(ran({ mounts: [overlay] })), /mounts\[0\]\.options.*4095 bytes/);
});

test("ro on a file system of disks or layers is the file system's own, too", () => {
  const { lower } = layers(2, 1);
  const overlay = {
    destination: "/whole",
    type: "overlay",
    source: "overlay",
    options: [`lowerdir=${lower}`, "ro"],
  };
  const { options, superOptions } = mountAt(tableWith(overlay), "/whole");
  assert.is(options[0], "ro");
  assert.is(superOptions[0], "ro");
});

// Remount

test("remount changes a mount's attributes and its file system's options", () => {
  const again = (...options: string[]) => ({
    destination: "/fresh",
    type: "tmpfs",
    source: "tmpfs",
    options: ["remount", ...options],
  });
  const tmpfs = {
    destination: "/fresh",
    type: "tmpfs",
    source: "tmpfs",
    options: ["size=64k", "nodev", "ro"],
  };
  const { options, superOptions } = mountAt(tableWith(tmpfs, again("size=128k", "noexec", "rw")), "/fresh");
  for (const flag of ["rw", "nodev", "noexec"]) assert.ok(options.includes(flag), `${flag}: ${options}`);
  assert.ok(superOptions.includes("size=128k"), `${superOptions}`);
});

test("what an earlier remount made writable says nothing of a later read-only mount there, or elsewhere", () => {
  const tmpfs = (destination: string) => ({
    destination,
    type: "tmpfs",
    source: "tmpfs",
    options: ["ro"],
  });
  const writable = { destination: "/one", options: ["remount", "rw"] };
  const flags = (...mounts: readonly JsonObject[]) => {
    const table = tableWith(...mounts);
    return ["/one", "/two"].map((place) => mountAt(table, place).options[0]);
  };
  assert.equal(flags(tmpfs("/one"), tmpfs("/two"), writable), ["rw", "ro"]);
  assert.equal(flags(tmpfs("/one"), writable, tmpfs("/one"), tmpfs("/two")), ["ro", "ro"]);
});

test("remount of a bind mount leaves the host's file system as it is", () => {
  const volume = hostDirectory("file");
  const again = { destination: "/volume", options: ["remount", "bind", "ro"] };
  assert.match(
    shellWith([bind(volume, "/volume"), again], "touch /volume/x 2>&1; true"),
    /Read-only file system/,
  );
  writeFileSync(join(volume, "file"), "changed");
});

testTsrun("remount of what is no mount is refused", () => {
  const again = { destination: "/etc", type: "tmpfs", options: ["remount", "ro"] };
  assert.match(complaint(ran({ mounts: [PROC, again] })), /mounts\[1\].*EINVAL/);
});

leavesNothing();
test.run();
