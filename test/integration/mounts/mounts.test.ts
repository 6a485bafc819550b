// Runs beside other files.
import { spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS, namespaces } from "../../harness/bundle.ts";
import { container, inside, ran } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mountAt, parseMounts } from "../../harness/mountinfo.ts";
import { complaint } from "../../harness/runtime.ts";
import { bind, hostDirectory, PROC, shellWith, tableWith } from "../../harness/volumes.ts";

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

/** `make`, whose result is kept: tests that look at the same thing run it once. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

leavesNothing();
test.run();
