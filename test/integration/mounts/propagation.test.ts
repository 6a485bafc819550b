// Runs beside other files.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, capabilities, DEFAULT_MOUNTS, namespaces } from "../../harness/bundle.ts";
import { inside, ranIn, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command } from "../../harness/mount.ts";
import { mountAt, parseMounts, readMounts } from "../../harness/mountinfo.ts";
import { succeeded } from "../../harness/runtime.ts";
import { bind, directoryWithMount, shellWithAdmin } from "../../harness/volumes.ts";
import { waitUntil } from "../../harness/wait.ts";

test("what a container mounts in an rshared volume arrives on the host", async () => {
  using volume = directoryWithMount("shared");
  mkdirSync(join(volume.path, "later"));
  using box = started({
    args: ["sh", "-c", "mount -t tmpfs arrived /volume/later && sleep 60"],
    process: { capabilities: capabilities(["CAP_SYS_ADMIN"]) },
    mounts: [...DEFAULT_MOUNTS, bind(volume.path, "/volume", "rshared")],
    linux: { rootfsPropagation: "rshared" },
  });
  const there = () => readMounts().filter(({ mountPoint }) => mountPoint === join(volume.path, "later"));
  await waitUntil(() => there().length > 0, `there is a mount in ${volume.path} (${box.printed()})`);
  assert.equal(
    there().map(({ source }) => source),
    ["arrived"],
  );
  command("umount", join(volume.path, "later"));
});

test("what a container mounts in an rslave volume stays in there", () => {
  using volume = directoryWithMount("shared");
  mkdirSync(join(volume.path, "later"));
  const seen = shellWithAdmin(
    [bind(volume.path, "/volume", "rslave")],
    "mount -t tmpfs own /volume/later && echo ok",
  );
  assert.is(seen, "ok\n");
  assert.not(readMounts().some(({ source }) => source === "own"));
});

for (const [propagation, expected] of [
  ["private", /^$/],
  ["rprivate", /^$/],
  ["slave", /^$/],
  ["rslave", /^$/],
  ["shared", /^shared/],
  ["rshared", /^shared/],
  ["unbindable", /^unbindable$/],
  ["runbindable", /^unbindable$/],
] as const) {
  test(`rootfsPropagation ${propagation} is the propagation of the root`, () => {
    const linux = { rootfsPropagation: propagation };
    const root = mountAt(parseMounts(inside(["cat", "/proc/self/mountinfo"], { linux })), "/");
    assert.match(root.propagation.join(" "), expected);
  });
}

for (const propagation of ["private", "slave", "shared", "unbindable", "rshared"]) {
  test(`a rootfs on a shared mount, with rootfsPropagation ${propagation}, leaves the host's mounts alone`, () => {
    using volume = directoryWithMount("shared");
    const rootfs = join(volume.path, "rootfs");
    command("cp", "-a", bundle().rootfs, rootfs);
    const table = () => readMounts().map(({ mountPoint }) => mountPoint);
    const before = table();
    const linux = { rootfsPropagation: propagation };
    using box = started({ args: ["sleep", "60"], root: { path: rootfs }, linux });
    assert.is(box.state().status, "running");
    assert.equal(table(), before);
  });

  testTsrun(`so does one that a link leads to, with rootfsPropagation ${propagation}`, () => {
    using volume = directoryWithMount("shared");
    command("cp", "-a", bundle().rootfs, join(volume.path, "rootfs"));
    const link = join(freshDirectory("link"), "volume");
    symlinkSync(volume.path, link);
    const before = readMounts().map(({ mountPoint }) => mountPoint);
    const made = bundle({
      args: ["true"],
      root: { path: join(link, "rootfs") },
      linux: { rootfsPropagation: propagation },
    });
    succeeded(ranIn(made.path));
    assert.equal(
      readMounts().map(({ mountPoint }) => mountPoint),
      before,
    );
  });
}

for (const propagation of [undefined, "private", "rprivate", "slave", "rslave", "shared", "rshared"]) {
  const linux = { rootfsPropagation: propagation };
  const arrives = propagation?.endsWith("slave") ?? false;

  test(`what the host mounts in the rootfs later ${arrives ? "arrives" : "stays out"}, with rootfsPropagation ${propagation}`, () => {
    using volume = directoryWithMount("shared");
    const rootfs = join(volume.path, "rootfs");
    command("cp", "-a", bundle().rootfs, rootfs);
    using box = started({ args: ["sleep", "60"], root: { path: rootfs }, linux });
    command("mount", "-t", "tmpfs", "late", join(rootfs, "home"));
    const seen = parseMounts(succeeded(box.exec("cat", "/proc/self/mountinfo")).stdout);
    command("umount", join(rootfs, "home"));
    assert.is(seen.filter(({ source }) => source === "late").length, arrives ? 1 : 0);
    const root = mountAt(seen, "/");
    assert.is(
      root.propagation.some((tag) => tag.startsWith("master:")),
      arrives,
    );
  });

  test(`mounts of the host in the rootfs and beside it stay there, with rootfsPropagation ${propagation}`, () => {
    using volume = directoryWithMount("shared");
    using _beside = directoryWithMount("shared");
    const rootfs = join(volume.path, "rootfs");
    command("cp", "-a", bundle().rootfs, rootfs);
    command("mount", "-t", "tmpfs", "nested", join(rootfs, "home"));
    mkdirSync(join(rootfs, "home/deeper"));
    command("mount", "-t", "tmpfs", "deeper", join(rootfs, "home/deeper"));
    writeFileSync(join(rootfs, "home/deeper/file"), "");
    const before = readMounts();
    assert.is(inside(["ls", "/home/deeper"], { root: { path: rootfs }, linux }), "file\n");
    assert.equal(readMounts(), before);
  });
}

// What lies below a bind mount has its propagation when that says so

for (const [options, outer, inner] of [
  [["rbind", "rprivate"], /^$/, /^$/],
  [["rbind", "rslave"], /^master:\d+$/, /^master:\d+$/],
  [["rbind", "rshared"], /^shared:\d+/, /^shared:\d+/],
  [["rbind", "runbindable"], /^unbindable$/, /^unbindable$/],
  [["rbind", "private"], /^$/, /^master:\d+$/],
  [["rbind", "shared"], /^shared:\d+/, /^master:\d+$/],
  [["rbind", "unbindable"], /^unbindable$/, /^master:\d+$/],
] as const) {
  test(`a bind of what is shared, with ${options}`, () => {
    using volume = directoryWithMount("shared");
    const mounts = [...DEFAULT_MOUNTS, { destination: "/volume", source: volume.path, options }];
    const seen = parseMounts(inside(["cat", "/proc/self/mountinfo"], { mounts }));
    assert.match(mountAt(seen, "/volume").propagation.join(" "), outer);
    assert.match(mountAt(seen, "/volume/sub").propagation.join(" "), inner);
  });
}

const IDS = [{ containerID: 0, hostID: 200_000, size: 65_536 }];

for (const [where, linux] of [
  ["", {}],
  [" in a user namespace", { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS }],
] as const)
  test(`nor does what it mounts on a node of its /dev that masks or is a device${where}`, () => {
    const shared = ["unshare", "--mount", "sh", "-c", 'mount --make-rshared / && exec "$@"', "sh"];
    const made = bundle({
      args: ["cat", "/proc/self/mountinfo"],
      linux: { ...linux, maskedPaths: ["/proc/keys"] },
    });
    chmodSync(made.path, 0o755);
    const table = parseMounts(succeeded(ranIn(made.path, { through: shared })).stdout);
    assert.is(mountAt(table, "/proc/keys").root, "/null");
    const receiving = table.filter(({ propagation }) => propagation.length > 0);
    assert.equal(
      receiving.map(({ mountPoint }) => mountPoint),
      [],
    );
  });

leavesNothing();
test.run();
