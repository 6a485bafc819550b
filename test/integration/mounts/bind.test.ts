// Runs beside other files.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS } from "../../harness/bundle.ts";
import { ran, ranIn, started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mounted } from "../../harness/mount.ts";
import { mountAt, parseMounts } from "../../harness/mountinfo.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";
import {
  bind,
  directoryWithMount,
  hostDirectory,
  PROC,
  shellWith,
  tableWith,
} from "../../harness/volumes.ts";

test("a bind mount shows the host's directory, both ways", () => {
  const volume = hostDirectory("file");
  const seen = shellWith([bind(volume, "/volume")], "cat /volume/file; echo made > /volume/made");
  assert.is(seen, "file's content");
  assert.ok(existsSync(join(volume, "made")));
});

test("a bind mount of a file shows that file, and makes the place for it", () => {
  const volume = hostDirectory("file");
  const seen = shellWith([bind(join(volume, "file"), "/etc/deep/down/file")], "cat /etc/deep/down/file");
  assert.is(seen, "file's content");
});

test("a bind mount without a type is a bind mount", () => {
  const volume = hostDirectory("file");
  const mount = { destination: "/volume", source: volume, options: ["bind"] };
  assert.is(shellWith([mount], "ls /volume"), "file\n");
});

test("a relative source is sought in the bundle", () => {
  const { path } = bundle({
    args: ["ls", "/volume"],
    mounts: [...DEFAULT_MOUNTS, { destination: "/volume", type: "bind", source: "data", options: ["bind"] }],
  });
  mkdirSync(join(path, "data"));
  writeFileSync(join(path, "data/file"), "");
  assert.is(succeeded(ranIn(path)).stdout, "file\n");
});

test("ro makes a bind mount read-only inside, and leaves it writable outside", () => {
  const volume = hostDirectory("file");
  const seen = shellWith([bind(volume, "/volume", "ro")], "touch /volume/x 2>&1; cat /volume/file");
  assert.match(seen, /Read-only file system\nfile's content$/);
  writeFileSync(join(volume, "file"), "changed");
});

for (const flag of ["nosuid", "nodev", "noexec", "noatime"]) {
  test(`a bind mount takes the flag ${flag}`, () => {
    const { options } = mountAt(tableWith(bind(hostDirectory(), "/volume", flag)), "/volume");
    assert.ok(options.includes(flag), `${options}`);
  });
}

test("noexec keeps programs from being run", () => {
  const volume = hostDirectory();
  const script = "cp /bin/busybox /volume/true && /volume/true 2>&1; true";
  assert.match(shellWith([bind(volume, "/volume", "noexec")], script), /Permission denied/);
});

testTsrun("a bind mount refuses options that it cannot have, be they a file system's or misspelt", () => {
  for (const option of ["nosiud", "size=1m", "idmapped"])
    assert.match(
      complaint(ran({ mounts: [...DEFAULT_MOUNTS, bind(hostDirectory(), "/volume", option)] })),
      new RegExp(`mounts\\[\\d+\\]\\.options: "${option}" is not an option of a bind mount`),
    );
});

test("a bind mount takes the options that every file system knows, and leaves the host's as they are", () => {
  const options = ["sync", "dirsync", "lazytime", "async", "mand", "iversion", "acl", "noacl", "silent"];
  const mount = mountAt(tableWith(bind(hostDirectory(), "/volume", ...options)), "/volume");
  assert.not(mount.superOptions.includes("sync"));
});

test("rbind takes the mounts below along", () => {
  using volume = directoryWithMount("private");
  assert.is(shellWith([bind(volume.path, "/volume")], "ls /volume/sub"), "file\n");
});

test("bind leaves the mounts below behind", () => {
  using volume = directoryWithMount("private");
  const mount = { destination: "/volume", type: "bind", source: volume.path, options: ["bind"] };
  assert.is(shellWith([mount], "ls /volume/sub"), "");
});

for (const [option, propagation] of [
  ["rprivate", /^$/],
  ["rslave", /^master:\d+$/],
  ["rshared", /^shared:\d+( master:\d+)?$/],
] as const) {
  test(`${option} on a bind mount of a shared mount gives ${propagation.source}`, () => {
    using volume = directoryWithMount("shared");
    const mount = mountAt(tableWith(bind(volume.path, "/volume", option)), "/volume");
    assert.match(mount.propagation.join(" "), propagation);
  });
}

test("a mount of the host's arrives in an rslave volume of a running container", () => {
  using volume = directoryWithMount("shared");
  using box = started({ args: ["sleep", "60"], mounts: [PROC, bind(volume.path, "/volume", "rslave")] });
  mkdirSync(join(volume.path, "later"));
  using _ = mounted(join(volume.path, "later"), "-t", "tmpfs", "later");
  const table = parseMounts(succeeded(box.exec("cat", "/proc/self/mountinfo")).stdout);
  assert.is(mountAt(table, "/volume/later").source, "later");
});

test("a mount of the host's does not arrive in an rprivate volume", () => {
  using volume = directoryWithMount("shared");
  using box = started({ args: ["sleep", "60"], mounts: [PROC, bind(volume.path, "/volume", "rprivate")] });
  mkdirSync(join(volume.path, "later"));
  using _ = mounted(join(volume.path, "later"), "-t", "tmpfs", "later");
  const table = parseMounts(succeeded(box.exec("cat", "/proc/self/mountinfo")).stdout);
  assert.not(table.some((mount) => mount.mountPoint === "/volume/later"));
});

leavesNothing();
test.run();
