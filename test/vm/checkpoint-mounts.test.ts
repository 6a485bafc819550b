// Runs beside other files.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, namespaces } from "../harness/bundle.ts";
import { cgroup2Of } from "../harness/cgroups.ts";
import { container, containerOf } from "../harness/container.ts";
import { freshDirectory, uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { command } from "../harness/mount.ts";
import { status } from "../harness/processes.ts";
import { runtime, silent, succeeded } from "../harness/runtime.ts";
import { waitUntil } from "../harness/wait.ts";
import { COUNT, counted, counting, restore, restored, saved, testCriu } from "./checkpoint.ts";

testCriu("bind mounts of directories and files, and what is below them, come back", async () => {
  const host = freshDirectory("host");
  mkdirSync(join(host, "inner"));
  writeFileSync(join(host, "file"), "a file\n");
  writeFileSync(join(host, "inner/below"), "below\n");
  const mounts = [
    ...DEFAULT_MOUNTS,
    { destination: "/data", type: "bind", source: host, options: ["rbind"] },
    { destination: "/etc/one", type: "bind", source: join(host, "file"), options: ["bind", "ro"] },
    { destination: "/scratch", type: "tmpfs", source: "tmpfs", options: ["size=1m"] },
  ];
  using box = await counting({ mounts });
  succeeded(box.exec("sh", "-c", "echo kept > /scratch/note"));
  using after = restored(box, saved(box));
  const seen = after.exec("cat", "/data/inner/below", "/etc/one", "/scratch/note");
  assert.is(seen.stdout, "below\na file\nkept\n");
  assert.not.equal(after.exec("sh", "-c", "echo x > /etc/one").status, 0);
  succeeded(after.exec("sh", "-c", "echo fresh > /data/fresh"));
  assert.is(readFileSync(join(host, "fresh"), "utf8"), "fresh\n");
});

testCriu(
  "mounts that were added to a running container, or removed from it, are so after a restore",
  async () => {
    const host = freshDirectory("host");
    writeFileSync(join(host, "file"), "a file\n");
    using box = await counting();
    const file = join(freshDirectory("mounts"), "mounts.json");
    const bind = { destination: "/data", type: "bind", source: host, options: ["rbind", "ro"] };
    const tmpfs = { destination: "/scratch", type: "tmpfs", source: "tmpfs", options: ["size=1m"] };
    writeFileSync(file, JSON.stringify([bind, tmpfs]));
    silent(runtime(["mounts", "add", box.id, file]));
    const removed = join(freshDirectory("mounts"), "removed.json");
    writeFileSync(removed, JSON.stringify([{ destination: "/dev/mqueue" }]));
    silent(runtime(["mounts", "remove", box.id, removed]));
    succeeded(box.exec("sh", "-c", "echo kept > /scratch/note"));
    using after = restored(box, saved(box));
    assert.is(succeeded(after.exec("cat", "/data/file", "/scratch/note")).stdout, "a file\nkept\n");
    const list = silent(runtime(["mounts", "list", after.id])).stdout;
    assert.match(list, /^\/data .* added +mounted$/m);
    assert.not.match(list, /mqueue/);
    silent(runtime(["mounts", "remove", after.id, file]));
    assert.is(after.exec("ls", "/data").stdout, "");
  },
);

testCriu("masked and read-only paths stay so", async () => {
  using box = await counting({ root: { readonly: true } });
  using after = restored(box, saved(box));
  assert.match(after.exec("touch", "/x").stderr, /Read-only/);
  assert.is(after.exec("cat", "/proc/keys").stdout, "");
  assert.is(after.exec("ls", "/sys/firmware").stdout, "");
  assert.not.equal(after.exec("sh", "-c", "echo 1 > /proc/sys/kernel/msgmax").status, 0);
});

for (const [what, cgroup] of [
  ["of its cgroup namespace", true],
  ["of the caller's", false],
] as const) {
  testCriu(`the view of cgroups ${what} is that of the new container`, async () => {
    const mounts = [...DEFAULT_MOUNTS, { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" }];
    using box = await counting({ mounts, linux: { namespaces: namespaces({ cgroup }) } });
    using after = restored(box, saved(box));
    const own = 'cat "/sys/fs/cgroup$(sed s/^0::// /proc/self/cgroup)/cgroup.procs"';
    const seen = after.exec("sh", "-c", own).stdout.trim().split("\n").map(Number);
    assert.ok(seen.includes(1), `${seen}`);
    assert.match(cgroup2Of(after.pid()), new RegExp(`${after.id}$`));
  });
}

for (const rootfsPropagation of [undefined, "rslave"])
  testCriu(
    `a rootfs on a shared mount, as systemd makes them all, comes back (rootfsPropagation: ${rootfsPropagation}), and hears nothing of the host`,
    async () => {
      command("mount", "--make-rshared", "/");
      try {
        using box = await counting({ linux: { rootfsPropagation } });
        const before = readFileSync(`/proc/${box.pid()}/mountinfo`, "utf8");
        assert.is(/^\d+ \d+ \S+ \S+ \/ \S+ master:/m.test(before), rootfsPropagation === "rslave", before);
        using after = restored(box, saved(box));
        const reached = counted(after);
        await waitUntil(() => counted(after) > reached, "it counts on");
        const table = readFileSync(`/proc/${after.pid()}/mountinfo`, "utf8");
        assert.match(table, /^\d+ \d+ \S+ \S+ \/ \S+ - /m, table);
      } finally {
        command("mount", "--make-rprivate", "/");
      }
    },
  );

testCriu("a rootfs that lacks the mounts' places gets them", async () => {
  const host = freshDirectory("host");
  writeFileSync(join(host, "file"), "a file\n");
  const mounts = [
    ...DEFAULT_MOUNTS,
    { destination: "/deep/er/data", type: "bind", source: host, options: ["bind"] },
    { destination: "/deep/one", type: "bind", source: join(host, "file"), options: ["bind"] },
  ];
  using box = await counting({ mounts });
  const images = saved(box);
  using elsewhere = containerOf(bundle({ args: COUNT, mounts }), uniqueId());
  silent(restore(elsewhere, images));
  assert.is(elsewhere.exec("cat", "/deep/er/data/file", "/deep/one").stdout, "a file\na file\n");
});

testCriu("a container in a user namespace comes back", async () => {
  const mapped = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mapped, gidMappings: mapped };
  using box = container({ args: COUNT, linux });
  // criu opens a file of the host anew, as a user who may not.
  box.create({ through: ["sh", "-c", 'exec "$@" > /dev/null 2>&1', "sh"] });
  box.start();
  await waitUntil(() => counted(box) >= 3, "it counts");
  using after = restored(box, saved(box));
  assert.is(after.exec("id", "-u").stdout, "0\n");
  assert.match(status(after.pid()).get("Uid") ?? "", /^100000\t/);
  succeeded(after.exec("sh", "-c", "echo > /dev/null"));
});

leavesNothing();
test.run();
