// Runs beside other files.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, namespaces } from "../../harness/bundle.ts";
import { container, inside, ran, ranIn, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun } from "../../harness/environment.ts";
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

// What spec and containerd write

const WANTED: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  ["/proc", "proc", ["rw"], []],
  ["/dev", "tmpfs", ["rw", "nosuid"], ["mode=755", "size=65536k"]],
  ["/dev/pts", "devpts", ["rw", "nosuid", "noexec"], ["gid=5", "mode=620", "ptmxmode=666"]],
  ["/dev/shm", "tmpfs", ["rw", "nosuid", "nodev", "noexec"], ["size=65536k"]],
  ["/dev/mqueue", "mqueue", ["rw", "nosuid", "nodev", "noexec"], []],
  ["/sys", "sysfs", ["ro", "nosuid", "nodev", "noexec"], []],
];

const defaultTable = once(() => parseMounts(inside(["cat", "/proc/self/mountinfo"])));

for (const [destination, fsType, options, superOptions] of WANTED) {
  test(`${destination} is the ${fsType} that spec asks for`, () => {
    const mount = mountAt(defaultTable(), destination);
    assert.is(mount.fsType, fsType);
    for (const option of options) assert.ok(mount.options.includes(option), `${option}: ${mount.options}`);
    for (const option of superOptions) {
      assert.ok(mount.superOptions.includes(option), `${option}: ${mount.superOptions}`);
    }
    assert.equal(mount.propagation, []);
  });
}

test("strictatime is strictatime", () => {
  assert.not(mountAt(defaultTable(), "/dev").options.includes("relatime"));
});

test("containerd's /run and its flags on /proc", () => {
  const table = tableWith(
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    {
      destination: "/run",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
  );
  for (const flag of ["nosuid", "noexec", "nodev"]) {
    assert.ok(mountAt(table, "/proc").options.includes(flag), flag);
  }
  assert.ok(mountAt(table, "/run").superOptions.includes("mode=755"));
});

test("/dev/pts is an instance of its own", () => {
  const seen = inside(["sh", "-c", "ls /dev/pts; stat -c %a /dev/pts/ptmx"]);
  assert.is(seen, "ptmx\n666\n");
});

test("a tmpfs takes the mode of its options", () => {
  const seen = shellWith(
    [{ destination: "/fresh", type: "tmpfs", source: "tmpfs", options: ["mode=1700"] }],
    "stat -c %a /dev/shm /fresh",
  );
  assert.is(seen, "1777\n1700\n");
});

test("a tmpfs's size is a limit", () => {
  const script = "head -c 200000 /dev/zero > /small/x 2>/dev/null; wc -c < /small/x";
  const seen = shellWith(
    [{ destination: "/small", type: "tmpfs", source: "tmpfs", options: ["size=64k"] }],
    script,
  );
  assert.is(seen, "65536\n");
});

test("/proc is that of the new PID namespace", () => {
  assert.is(inside(["sh", "-c", "cd /proc; echo [0-9]*"]), "1\n");
});

test("/sys shows the new network namespace", () => {
  assert.is(inside(["ls", "/sys/class/net"]), "lo\n");
});

testTsrun("a cgroup mount is cgroup2, with the flags asked for", () => {
  const options = ["nosuid", "noexec", "nodev", "relatime", "ro"];
  const cgroup = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options };
  const seen = inside(["sh", "-c", "cat /proc/self/mountinfo; ls /sys/fs/cgroup"], {
    mounts: [...DEFAULT_MOUNTS, cgroup],
    linux: { namespaces: namespaces({ cgroup: true }) },
  });
  const mount = mountAt(parseMounts(seen.slice(0, seen.indexOf("\ncgroup."))), "/sys/fs/cgroup");
  assert.is(mount.fsType, "cgroup2");
  for (const flag of ["ro", "nosuid", "nodev", "noexec"]) assert.ok(mount.options.includes(flag), flag);
  assert.match(seen, /^cgroup\.procs$/m);
});

/** The processes of the cgroup that /proc says is the shell's own. */
const IN_OWN_CGROUP = 'cat "/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/cgroup.procs"';

for (const user of [false, true]) {
  const how = user ? " and with a user namespace" : "";
  testTsrun(
    `a cgroup mount without a cgroup namespace${how} has the cgroups where /proc says, read-only`,
    () => {
      const mounts = [
        ...DEFAULT_MOUNTS,
        { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] },
      ];
      const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
      const mappings = user ? { uidMappings: mapping, gidMappings: mapping } : {};
      const linux = { namespaces: namespaces({ user }), ...mappings };
      const seen = inside(["sh", "-c", `${IN_OWN_CGROUP}; mkdir /sys/fs/cgroup/x 2>&1; true`], {
        mounts,
        linux,
      });
      assert.match(seen, /^1\n(\d+\n)?mkdir: .*Read-only file system\n$/);
    },
  );
}

// Bind mounts

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

// Order and places

test("a later mount covers an earlier one at the same place", () => {
  const volume = hostDirectory("file");
  assert.is(shellWith([bind(volume, "/dev/shm")], "ls /dev/shm"), "file\n");
});

test("mounts are made in the order of the list", () => {
  const volume = hostDirectory("file");
  const covered = shellWith(
    [bind(volume, "/a/b"), { destination: "/a", type: "tmpfs", source: "tmpfs" }],
    "ls /a",
  );
  assert.is(covered, "");
});

test("a mount's place is made when it isn't there", () => {
  assert.is(shellWith([bind(hostDirectory("file"), "/not/there/yet")], "ls /not/there/yet"), "file\n");
});

test("a mount's place is made on an earlier mount", () => {
  const tmpfs = { destination: "/run", type: "tmpfs", source: "tmpfs" };
  assert.is(shellWith([tmpfs, bind(hostDirectory("file"), "/run/a/b")], "ls /run/a/b"), "file\n");
});

test("a relative destination is taken from the root", () => {
  const { status, stdout } = ran({
    args: ["ls", "/volume"],
    mounts: [...DEFAULT_MOUNTS, bind(hostDirectory("file"), "volume")],
  });
  assert.is(status, 0);
  assert.is(stdout, "file\n");
});

/** Runs `ls /seen` in a container whose rootfs has the link /link to `target`, with a volume at /link/place. */
function mountThroughLink(target: string, seen: string) {
  const volume = hostDirectory("file");
  const { path, rootfs } = bundle({
    args: ["ls", seen],
    mounts: [...DEFAULT_MOUNTS, bind(volume, "/link/place")],
  });
  symlinkSync(target, join(rootfs, "link"));
  return { outcome: ranIn(path), rootfs };
}

test("a destination through an absolute link stays in the root", () => {
  const { outcome, rootfs } = mountThroughLink("/etc", "/etc/place");
  assert.is(succeeded(outcome).stdout, "file\n");
  assert.ok(existsSync(join(rootfs, "etc/place")));
  assert.not(existsSync("/etc/place"));
});

test("a destination through a link that climbs out stays in the root", () => {
  const outside = freshDirectory("outside");
  const { outcome } = mountThroughLink(`../../../../../../../..${outside}`, `${outside}/place`);
  assert.is(succeeded(outcome).stdout, "file\n");
  assert.equal(readdirSync(outside), []);
});

test("a destination that is a link to nothing is made where the link leads, in the root", () => {
  const volume = hostDirectory("stub.conf");
  const { path, rootfs } = bundle({
    args: ["cat", "/etc/resolv.conf"],
    mounts: [...DEFAULT_MOUNTS, bind(join(volume, "stub.conf"), "/etc/resolv.conf")],
  });
  symlinkSync("../run/systemd/resolve/stub-resolv.conf", join(rootfs, "etc/resolv.conf"));
  assert.is(succeeded(ranIn(path)).stdout, "stub.conf's content");
});

test("a destination with .. stays in the root", () => {
  const outside = freshDirectory("outside");
  const destination = `/../../../../../../../..${outside}/place`;
  const seen = shellWith([bind(hostDirectory("file"), destination)], `ls ${outside}/place`);
  assert.is(seen, "file\n");
  assert.equal(readdirSync(outside), []);
});

test("a destination with .. is where it leads: the name before is not", () => {
  const seen = shellWith(
    [bind(hostDirectory("file"), "/one/../two/./three")],
    "ls /two/three; ls -d /one 2>&1 || true",
  );
  assert.match(seen, /^file\nls: \/one: No such file/);
});

test("a destination through a link into /proc is refused", () => {
  const volume = hostDirectory("file");
  const { path, rootfs } = bundle({ mounts: [PROC, bind(volume, "/link/attr")] });
  symlinkSync("/proc/self", join(rootfs, "link"));
  assert.ok(ranIn(path).status !== 0);
});

for (const destination of ["/proc/sys", "/proc/self/attr", "/proc/1", "/proc/../proc/sys"]) {
  test(`a mount over ${destination}, which would hide what the kernel says, is refused`, () => {
    const mounts = [...DEFAULT_MOUNTS, bind(hostDirectory("file"), destination)];
    assert.ok(ran({ mounts }).status !== 0);
  });
}

test("a mount over /proc/uptime is not refused, as lxcfs does it", () => {
  const volume = hostDirectory("uptime");
  const seen = shellWith([bind(join(volume, "uptime"), "/proc/uptime")], "cat /proc/uptime");
  assert.is(seen, "uptime's content");
});

// Refusals

testTsrun("a source that isn't there is refused, and the mount is named", () => {
  const said = complaint(ran({ mounts: [...DEFAULT_MOUNTS, bind("/not/there", "/volume")] }));
  assert.match(said, /mounts\[6\]/);
  assert.match(said, /\/not\/there/);
  assert.match(said, /no such file or directory|does not exist/i);
});

testTsrun("an unknown file system is refused, and the mount is named", () => {
  const said = complaint(ran({ mounts: [PROC, { destination: "/x", type: "nosuchfs", source: "none" }] }));
  assert.match(said, /mounts\[1\]/);
  assert.match(said, /nosuchfs/);
});

testTsrun("an unknown option is refused, and the mount is named", () => {
  const mount = { destination: "/x", type: "tmpfs", source: "tmpfs", options: ["sparkling"] };
  const said = complaint(ran({ mounts: [PROC, mount] }));
  assert.match(said, /mounts\[1\]/);
  assert.match(said, /sparkling/);
});

for (const [options, words] of [
  [["size=12q"], /fsconfig "size" "12q": EINVAL.*the kernel says: tmpfs: Bad value for 'size'/],
  [["sparkling"], /the kernel says: tmpfs: Unknown parameter 'sparkling'/],
  [["mpol=nonsense"], /the kernel says: tmpfs: Bad value for 'mpol'/],
] as const) {
  testTsrun(`the kernel's own words about ${options} are told`, () => {
    const mount = { destination: "/x", type: "tmpfs", source: "tmpfs", options };
    assert.match(complaint(ran({ mounts: [PROC, mount, ...DEFAULT_MOUNTS.slice(1)] })), words);
  });
}

test("a mount that fails after others leaves none of them", () => {
  const volume = hostDirectory("file");
  using box = container({ mounts: [...DEFAULT_MOUNTS, bind(volume, "/a"), bind("/not/there", "/b")] });
  complaint(box.call("create", "--bundle", box.bundle.path));
  assert.is.not(box.call("state").status, 0);
  const { stdout } = spawnSync("grep", ["-c", box.bundle.path, "/proc/self/mountinfo"], { encoding: "utf8" });
  assert.is(stdout, "0\n");
});

leavesNothing();
test.run();

/** `make`, whose result is kept: tests that look at the same thing run it once. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
