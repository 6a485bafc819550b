// Runs beside other files.
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, capabilities, DEFAULT_MOUNTS, type Patch } from "../../harness/bundle.ts";
import { container, started } from "../../harness/container.ts";
import { testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, runtime, silent, succeeded } from "../../harness/runtime.ts";

function printed(script: string, patch: Patch = {}): string {
  const { path } = bundle({ ...patch, args: ["sh", "-c", script] });
  return succeeded(runtime(["run", "--no-pivot", "--bundle", path, uniqueId()])).stdout;
}

test("--no-pivot: the rootfs is the root, with the mounts of config.json and no other in sight", () => {
  assert.match(
    printed("cat /etc/hostname 2>/dev/null; ls -d /proc/self /dev/null /sys/kernel"),
    /\/dev\/null/,
  );
  const points = printed("cut -d ' ' -f 5 /proc/self/mountinfo").trim().split("\n");
  assert.ok(points.includes("/dev/pts") && points.includes("/"), `${points}`);
  const wanted = new Set(["/", ...DEFAULT_MOUNTS.map(({ destination }) => `${destination}`)]);
  const others = points.filter((point) => !wanted.has(point) && !/^\/(proc|sys|dev)\//.test(point));
  assert.equal(others, []);
});

test("--no-pivot: what exec starts is in that root, too", () => {
  using box = container({ args: ["sleep", "60"] });
  silent(runtime(["create", "--no-pivot", "--bundle", box.bundle.path, box.id]));
  box.start();
  assert.is(succeeded(box.exec("sh", "-c", "stat -c %i / /bin/..")).stdout.split("\n")[0], inode(box.pid()));
});

function inode(pid: number): string {
  return String(Bun.spawnSync(["stat", "-L", "-c", "%i", `/proc/${pid}/root`]).stdout).trim();
}

/** A way out of a chroot(2) for who may call it: a root below the working directory, then up and up. */
const ESCAPE =
  "mkdir -p /x/bin; cp /bin/busybox /x/bin/; cd /; chroot /x /bin/busybox ls -d ..; cd ../../..; ls";

test("--no-pivot: no way up leads to the host's root", () => {
  const process = { capabilities: capabilities(["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"]) };
  const [, ...names] = printed(ESCAPE, { process }).split("\n");
  assert.equal(names, printed("mkdir /x; ls /", { process }).split("\n"));
});

test("--no-pivot takes the host's whole proc and sysfs away, as its dry run shows", () => {
  const { path } = bundle();
  const { stdout } = runtime(["create", "--no-pivot", "--dry-run", "--bundle", path, uniqueId()]);
  assert.not.match(stdout, /pivot_root/);
  assert.match(stdout, /# init: .*--no-pivot.*\n(\$.*\n)*\$\d+ chroot\("\."\)\n/);
  for (const [, point = ""] of readFileSync("/proc/self/mountinfo", "utf8").matchAll(
    /^\S+ \S+ \S+ \/ (\S+) .* - (?:proc|sysfs) /gm,
  )) {
    // Where a user namespace holds it in place, it is covered.
    for (const call of [`umount2("${point}"`, `mount("tmpfs", "${point}", "tmpfs"`])
      assert.ok(stdout.includes(call), call);
  }
});

test("--no-pivot: who makes a user namespace in there can mount no proc or sysfs without the masks", () => {
  const mount = (type: string) => `mount -t ${type} ${type} /dev/shm 2>/dev/null && echo ${type}`;
  const script = `unshare -U -r -m -p -n -f sh -c '${mount("proc")}; ${mount("sysfs")}; echo end'`;
  assert.is(printed(script, { process: { user: { uid: 1000, gid: 1000 } } }), "end\n");
});

testTsrun("--no-pivot: a link of the image that leads a mask to the root itself is refused", () => {
  const { path, rootfs } = bundle({ args: ["true"], linux: { maskedPaths: ["/spot"] } });
  symlinkSync("/", join(rootfs, "spot"));
  const outcome = runtime(["run", "--no-pivot", "--bundle", path, uniqueId()]);
  assert.match(complaint(outcome), /lead to the root itself/);
});

test("the host's mounts stay as they are", () => {
  const before = readFileSync("/proc/self/mountinfo", "utf8");
  using box = started({ args: ["sleep", "60"] });
  box.delete("--force");
  printed("true");
  assert.is(readFileSync("/proc/self/mountinfo", "utf8"), before);
});

leavesNothing();
test.run();
