// Runs beside other files.
// What a container does that hides from `verify` what is wrong with it.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS, type Patch } from "../../harness/bundle.ts";
import { started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { outside, SECRET } from "../../harness/outside.ts";
import { runtime } from "../../harness/runtime.ts";
import { inside, pathOf, SLEEP, verified } from "./verified.ts";

testTsrun("links of a container do not lead to the host's files", () => {
  const patch: Patch = {
    ...SLEEP,
    linux: { maskedPaths: ["/way/secret"], readonlyPaths: ["/way/etc"] },
    mounts: [...DEFAULT_MOUNTS, { destination: "/volume", type: "tmpfs" }],
  };
  using box = started(patch);
  symlinkSync(`${"/..".repeat(12)}${outside}`, join(box.bundle.rootfs, "way"));
  assert.is(readFileSync(join(outside, "secret"), "utf8"), SECRET);
  assert.equal(verified(box.id).differs, []);
  // The same path leads to a file once the container has one there.
  mkdirSync(join(box.bundle.rootfs, outside), { recursive: true });
  writeFileSync(join(box.bundle.rootfs, outside, "secret"), "its own");
  assert.equal(verified(box.id).differs, ["linux.maskedPaths[0]: /way/secret can be read"]);
});

testTsrun("a path that can't be followed does not hide what is wrong with others", () => {
  const loop = { destination: "/loop", type: "tmpfs", source: "none" };
  const linux = { maskedPaths: ["/way/secret", "/proc/keys"], readonlyPaths: ["/way/x", "/proc/sys"] };
  using box = started({ ...SLEEP, mounts: [...DEFAULT_MOUNTS, loop], linux });
  const script = ["umount /loop", "rmdir /loop", "ln -s loop /loop", "ln -s way /way"];
  inside(box.pid(), [...script, "umount /proc/keys", "mount -o remount,bind,rw /proc/sys"].join(" && "));
  const { differs, unseen, outcome } = verified(box.id);
  assert.equal(differs.map(pathOf), ["linux.maskedPaths[1]", "linux.readonlyPaths[1]"]);
  assert.equal(unseen.map(pathOf), ["mounts[6]", "linux.maskedPaths[0]", "linux.readonlyPaths[0]"]);
  assert.is(outcome.status, 1);
});

testTsrun("a link at a masked path does not hide a mount that was added", () => {
  using box = started({ ...SLEEP, linux: { maskedPaths: ["/way"] } });
  inside(box.pid(), "mount -t ramfs none /home && ln -s home /way");
  assert.ok(verified(box.id).differs.includes("mounts: added: ramfs on /home (rw,relatime)"));
});

testTsrun("a container that mounts much is told of in a few lines", () => {
  using box = started(SLEEP);
  inside(box.pid(), "cd /tmp; for one in $(seq 60); do mkdir $one; mount -t tmpfs none $one; done");
  const { differs } = verified(box.id);
  assert.is(differs.length, 51);
  assert.is(differs.at(-1), "mounts: added: 10 more");
});

testTsrun("a name with a newline stays in its line", () => {
  using box = started(SLEEP);
  inside(box.pid(), 'name=$(printf \'a\\nb\'); mkdir "/tmp/$name"; mount -t ramfs none "/tmp/$name"');
  assert.match(
    runtime(["verify", box.id]).stdout,
    /^mounts: added: ramfs on \/tmp\/a\\nb \(rw,relatime\); asked: no such mount$/m,
  );
});

leavesNothing();
test.run();
