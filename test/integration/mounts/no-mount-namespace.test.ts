// Runs beside other files.
// Containers without a mount namespace of their own: their mounts are the host's, and go with them.
import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  bundle,
  capabilities,
  DEFAULT_MOUNTS,
  type JsonObject,
  namespaces,
  type Patch,
} from "../../harness/bundle.ts";
import { containerOf, orGone, ran, ranIn } from "../../harness/container.ts";
import { testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { command, mounted } from "../../harness/mount.ts";
import { parseMounts, readMounts } from "../../harness/mountinfo.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";

/** A patch for a container in the caller's mount namespace. */
function sharing(args: readonly string[], linux: JsonObject = {}, more: Patch = {}): Patch {
  const unmasked = { maskedPaths: [], readonlyPaths: [] };
  return { args, linux: { namespaces: namespaces({ mount: false }), ...unmasked, ...linux }, ...more };
}

const below = (directory: string) =>
  readMounts().filter(({ mountPoint }) => `${mountPoint}/`.startsWith(`${directory}/`));

testTsrun("mounts, devices and a read-only root are made, and are gone with `run`", async () => {
  const left = watchLeaks();
  const script = "cat /proc/self/mountinfo; test -c /dev/null && ! touch /x 2>/dev/null && echo sealed";
  const patch = sharing(["sh", "-c", script], {}, { root: { path: "rootfs", readonly: true } });
  const seen = succeeded(ran(patch)).stdout;
  const points = parseMounts(seen.replace("sealed\n", "")).map(({ mountPoint }) => mountPoint);
  for (const { destination } of DEFAULT_MOUNTS) assert.ok(points.includes(String(destination)), seen);
  assert.match(seen, /^sealed$/m);
  await left("of a run");
});

testTsrun("they are the host's while it runs, and gone when it is deleted", async () => {
  const made = bundle(sharing(["sleep", "60"]));
  using box = orGone(containerOf(made, uniqueId()), (one) => one.runDetached());
  assert.ok(below(made.rootfs).length > DEFAULT_MOUNTS.length);
  assert.is(succeeded(box.exec("cat", "/proc/1/comm")).stdout, "sleep\n");
  box.delete("--force");
  assert.equal(below(made.rootfs), []);
});

testTsrun("a rootfs that is not there is named", () => {
  const gone = ran(sharing(["true"], {}, { root: { path: "gone" } }));
  assert.match(complaint(gone), /: config\.json: root\.path: rootfs \S+\/gone does not exist: ENOENT/);
});

testTsrun("a mount of the host's in the rootfs stays, also on a shared mount", async () => {
  const made = bundle(
    sharing(
      ["sh", "-c", "cat /mnt/theirs; mount -t tmpfs x /mnt"],
      {},
      {
        process: { capabilities: capabilities(["CAP_SYS_ADMIN"]) },
      },
    ),
  );
  using _shared = mounted(made.path, "--bind", made.path);
  command("mount", "--make-shared", made.path);
  mkdirSync(join(made.rootfs, "mnt"), { recursive: true });
  using _theirs = mounted(join(made.rootfs, "mnt"), "-t", "tmpfs", "theirs");
  writeFileSync(join(made.rootfs, "mnt/theirs"), "kept\n");
  assert.is(succeeded(ranIn(made.path)).stdout, "kept\n");
  assert.ok(existsSync(join(made.rootfs, "mnt/theirs")));
  assert.is(below(made.rootfs).length, 1);
});

testTsrun("a rootfs may be a link", () => {
  const made = bundle(sharing(["test", "-c", "/dev/null"]));
  const real = join(made.path, "real");
  renameSync(made.rootfs, real);
  symlinkSync("real", made.rootfs);
  succeeded(ranIn(made.path));
  assert.equal(below(real), []);
});

testTsrun("several on one rootfs go in any order, and leave nothing", () => {
  const made = bundle(sharing(["sleep", "60"]));
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
  ]) {
    using first = orGone(containerOf(made, uniqueId()), (one) => one.runDetached());
    using second = orGone(containerOf(made, uniqueId()), (one) => one.runDetached());
    using third = orGone(containerOf(made, uniqueId()), (one) => one.runDetached());
    const boxes = [first, second, third];
    for (const [done, index] of order.entries()) {
      boxes[index]?.delete("--force");
      for (const left of order.slice(done + 1))
        assert.is(boxes[left]?.exec("cat", "/proc/1/comm").stdout, "sleep\n");
    }
    assert.equal(below(made.rootfs), []);
  }
});

testTsrun("nothing is left when a mount fails", async () => {
  const left = watchLeaks();
  const mounts = [...DEFAULT_MOUNTS, { destination: "/x", type: "tmpfs", options: ["size=nonsense"] }];
  assert.match(complaint(ran(sharing(["true"], {}, { mounts }))), /mounts\[6\]/);
  await left("of a failed run");
});

testTsrun("a user namespace has no right to mount there, and a joined namespace stays as it is", () => {
  const ids = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
  const linux = { namespaces: namespaces({ mount: false, user: true }), uidMappings: ids, gidMappings: ids };
  assert.match(complaint(ran(sharing(["true"], linux))), /mounts: needs a mount namespace/);
  const joined = { namespaces: namespaces({ mount: "/proc/self/ns/mnt" }) };
  assert.match(complaint(ran(sharing(["true"], joined))), /mounts: needs a mount namespace/);
});

leavesNothing();
test.run();
