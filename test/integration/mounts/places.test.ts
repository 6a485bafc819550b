// Runs beside other files.
// Where mounts are made, and in which order.
import { existsSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS } from "../../harness/bundle.ts";
import { ran, ranIn } from "../../harness/container.ts";
import { freshDirectory } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { succeeded } from "../../harness/runtime.ts";
import { bind, hostDirectory, PROC, shellWith } from "../../harness/volumes.ts";

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

test("a destination may be the host's path of a place in the rootfs, and a source that of an earlier mount", () => {
  const made = bundle({ args: ["ls", "/tmp/final/inner"] });
  const mounts = [
    ...DEFAULT_MOUNTS,
    bind(hostDirectory("file"), join(made.rootfs, "tmp/outer/inner")),
    bind(join(made.rootfs, "tmp/outer"), join(made.rootfs, "tmp/final")),
  ];
  writeFileSync(join(made.path, "config.json"), JSON.stringify({ ...made.config, mounts }));
  assert.is(succeeded(ranIn(made.path)).stdout, "file\n");
  assert.not(existsSync(join(made.rootfs, made.rootfs)));
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

leavesNothing();
test.run();
