// Runs beside other files.
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, namespaces } from "../../harness/bundle.ts";
import { inside, ran, ranIn } from "../../harness/container.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";

test("the working directory is config.json's", () => {
  assert.is(inside(["pwd"], { process: { cwd: "/etc" } }), "/etc\n");
});

test("a working directory that isn't there is made, root's and open to all to read", () => {
  for (const user of [
    { uid: 0, gid: 0 },
    { uid: 1000, gid: 1000 },
  ]) {
    const seen = inside(["sh", "-c", "pwd; stat -c '%a %u %g' ."], {
      process: { cwd: "/made/for/it", user },
    });
    assert.is(seen, "/made/for/it\n755 0 0\n");
  }
});

test("it is made where .. leads out of directories that aren't there", () => {
  assert.is(inside(["pwd"], { process: { cwd: "/made/first/..//second/./third/.." } }), "/made/second\n");
});

test("it is made below a read-only root, and where .. leads", () => {
  const root = { path: "rootfs", readonly: true };
  assert.is(inside(["pwd"], { process: { cwd: "/etc/../../../made/./here" }, root }), "/made/here\n");
});

test("it is made on a mount that covers its parent", () => {
  const mounts = [...DEFAULT_MOUNTS, { destination: "/srv", type: "tmpfs", source: "tmpfs" }];
  const args = ["sh", "-c", "pwd; stat -f -c %T ."];
  assert.is(inside(args, { process: { cwd: "/srv/deep" }, mounts }), "/srv/deep\ntmpfs\n");
});

test("a working directory that only root may enter is entered for a user who is not root", () => {
  const { path, rootfs } = bundle({
    args: ["sh", "-c", "readlink /proc/self/cwd; ls 2>&1"],
    process: { cwd: "/private", user: { uid: 1000, gid: 1000 } },
  });
  mkdirSync(join(rootfs, "private"), { mode: 0o700 });
  assert.match(ranIn(path).stdout, /^\/private\nls: .*Permission denied/);
});

test("one that only the user may enter is entered in a user namespace, whose root may not", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  const { path, rootfs } = bundle({
    args: ["pwd"],
    process: { cwd: "/private", user: { uid: 1000, gid: 1000 } },
    linux,
  });
  mkdirSync(join(rootfs, "private"));
  chownSync(join(rootfs, "private"), 101000, 300000); // a group that is not mapped: root has no say
  chmodSync(join(rootfs, "private"), 0o700);
  assert.is(succeeded(ranIn(path)).stdout, "/private\n");
});

test("a working directory that nobody there may enter, or that is a file, is refused", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  const { path, rootfs } = bundle({ args: ["pwd"], process: { cwd: "/private" }, linux });
  mkdirSync(join(rootfs, "private"), { mode: 0o700 });
  assert.match(complaint(ranIn(path)), /\/private.*permission denied/i);
  assert.match(complaint(ran({ args: ["pwd"], process: { cwd: "/etc/passwd" } })), /not a directory/i);
});

test("a relative working directory is refused", () => {
  complaint(ran({ args: ["pwd"], process: { cwd: "etc" } }));
});

leavesNothing();
test.run();
