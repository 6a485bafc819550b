// Runs beside other files.
// Where the sources of bind mounts are found: on the host, with the caller's rights, and after the mounts before them.
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, type JsonObject, namespaces, type Patch } from "../../harness/bundle.ts";
import { ranIn, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun } from "../../harness/environment.ts";
import { testIdmap } from "../../harness/idmap.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { parseMounts } from "../../harness/mountinfo.ts";
import { complaint, type Outcome, succeeded } from "../../harness/runtime.ts";
import { directoryWithMount } from "../../harness/volumes.ts";

const IDS = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS };

/** A file for everybody below directories that only `owner` of the host may search. */
function hidden(owner: number): { readonly directory: string; readonly file: string } {
  const path = freshDirectory("hidden");
  const directory = join(path, "volume");
  mkdirSync(directory);
  writeFileSync(join(directory, "file"), "found");
  chownSync(path, owner, owner);
  chmodSync(path, 0o700);
  return { directory, file: join(directory, "file") };
}

function bound(source: string, destination: string, options = ["rbind"]): JsonObject {
  return { destination, type: "bind", source, options };
}

/** Runs a program in a bundle whose rootfs is its root's, with the default mounts and those made of the rootfs's path. */
function ranWith(
  args: readonly string[],
  more: (rootfs: string) => JsonObject[],
  patch: Patch = {},
): Outcome {
  const { path, rootfs, config } = bundle({ ...patch, args });
  chownSync(rootfs, patch["linux"] === undefined ? 0 : 200_000, 0);
  const mounts = [...DEFAULT_MOUNTS, ...more(rootfs)];
  writeFileSync(join(path, "config.json"), JSON.stringify({ ...config, mounts }));
  return ranIn(path);
}

const shownBy = (...how: Parameters<typeof ranWith>) => succeeded(ranWith(...how)).stdout;

for (const owner of [0, 4711])
  test(`a user namespace shows sources below a directory that only user ${owner} of the host may search`, () => {
    const { directory, file } = hidden(owner);
    const mounts = () => [bound(directory, "/volume"), bound(file, "/one")];
    assert.is(shownBy(["cat", "/volume/file", "/one"], mounts, { linux: MAPPED }), "foundfound");
  });

test("so does one that a pod's member joins", () => {
  const { directory, file } = hidden(4711);
  using pod = started({ args: ["sleep", "60"], linux: MAPPED });
  const linux = { namespaces: namespaces({ user: `/proc/${pod.pid()}/ns/user` }) };
  const mounts = () => [bound(directory, "/volume"), bound(file, "/one")];
  assert.is(shownBy(["cat", "/volume/file", "/one"], mounts, { linux }), "foundfound");
});

testIdmap("and id-mapped ones", () => {
  const { directory, file } = hidden(0);
  const options = ["rbind", "idmap"];
  const mounts = () => [bound(directory, "/volume", options), bound(file, "/one", options)];
  assert.is(shownBy(["stat", "-c", "%u", "/volume/file", "/one"], mounts, { linux: MAPPED }), "0\n0\n");
});

test("and a rootfs in such a place", () => {
  const made = bundle({ args: ["echo", "started"], linux: MAPPED });
  chmodSync(made.path, 0o700);
  assert.is(succeeded(ranIn(made.path)).stdout, "started\n");
});

test("the root of a user namespace cannot uncover what the host has covered", () => {
  using volume = directoryWithMount("private");
  chmodSync(volume.path, 0o755);
  const caps = ["CAP_SYS_ADMIN"];
  const process = { capabilities: { bounding: caps, effective: caps, permitted: caps } };
  const script = "umount /volume/*; grep -c ' /volume/' /proc/self/mountinfo";
  const mounts = () => [bound(volume.path, "/volume")];
  const outcome = ranWith(["sh", "-c", script], mounts, { process, linux: MAPPED });
  assert.match(outcome.stderr, /Invalid argument/); // locked: mount_namespaces(7)
  assert.is(outcome.stdout, "1\n");
});

for (const [where, patch] of [
  ["", {}],
  [" in a user namespace", { linux: MAPPED }],
] as const) {
  test(`a source may be what an earlier mount of the config brings${where}`, () => {
    const volume = freshDirectory("volume");
    mkdirSync(join(volume, "x"));
    writeFileSync(join(volume, "x/f"), "brought");
    const mounts = (rootfs: string) => [
      bound(volume, "/mnt"),
      bound(join(rootfs, "mnt/x"), "/final"),
      bound(join(rootfs, "final/f"), "/file"),
    ];
    assert.is(shownBy(["cat", "/final/f", "/file"], mounts, patch), "broughtbrought");
  });

  test(`or a directory in a file system that one makes${where}`, () => {
    const mounts = (rootfs: string) => [
      { destination: "/mnt", type: "tmpfs", source: "made" },
      bound("/usr", "/mnt/a/b"),
      bound(join(rootfs, "mnt/a"), "/final"),
    ];
    const table = parseMounts(shownBy(["cat", "/proc/self/mountinfo"], mounts, patch));
    assert.is(table.find(({ mountPoint }) => mountPoint === "/final")?.fsType, "tmpfs");
    assert.ok(table.some(({ mountPoint }) => mountPoint === "/final/b"));
  });

  test(`a source that proc has of each process is that of the container's${where}`, () => {
    const mounts = () => [bound("/proc/mounts", "/mtab", ["bind", "ro"]), bound("/proc/self/comm", "/comm")];
    const seen = shownBy(["cat", "/mtab", "/comm"], mounts, patch);
    assert.match(seen, /^devpts \/dev\/pts devpts/m);
    assert.match(seen, /\ncat\n$/);
  });

  test(`or what links of the rootfs and of the bundle's path lead to then${where}`, () => {
    const volume = freshDirectory("volume");
    mkdirSync(join(volume, "x"));
    writeFileSync(join(volume, "x/f"), "brought");
    const elsewhere = join(freshDirectory("elsewhere"), "rootfs");
    const mounts = (rootfs: string) => {
      mkdirSync(join(rootfs, "mnt"));
      symlinkSync("mnt", join(rootfs, "link"));
      symlinkSync(rootfs, elsewhere);
      return [
        bound(volume, "/link"),
        bound(join(rootfs, "mnt/x"), "/one"),
        bound(join(rootfs, "link/x/f"), "/two"),
        bound(join(elsewhere, "mnt/x"), "/three"),
        bound(join(rootfs, "proc/sys/kernel/ostype"), "/four", ["rbind", "ro"]),
      ];
    };
    const seen = shownBy(["cat", "/one/f", "/two", "/three/f", "/four"], mounts, patch);
    assert.is(seen, "broughtbroughtbroughtLinux\n");
  });

  testTsrun(`a source that no earlier mount brings is refused, and nothing is left${where}`, async () => {
    const left = watchLeaks();
    const volume = freshDirectory("volume");
    const mounts = (rootfs: string) => [bound(volume, "/mnt"), bound(join(rootfs, "mnt/x"), "/final")];
    assert.match(complaint(ranWith(["true"], mounts, patch)), /mounts\[7\]\.source: .*x does not exist/);
    await left("of a refused mount");
  });

  testTsrun(`a magic link in what an earlier mount brings leads nowhere${where}`, async () => {
    const left = watchLeaks();
    const volume = freshDirectory("volume");
    symlinkSync("/proc/self/root/etc", join(volume, "x"));
    const mounts = (rootfs: string) => [bound(volume, "/mnt"), bound(join(rootfs, "mnt/x"), "/final")];
    assert.match(complaint(ranWith(["true"], mounts, patch)), /mounts\[7\].*openat2.*ELOOP/);
    await left("of a refused mount");
  });
}

leavesNothing();
test.run();
