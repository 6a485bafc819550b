// Needs conmon, ip, bash.
// The volumes and user namespaces that CRI-O writes.
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freshDirectory, testTsrun } from "../harness/environment.ts";
import { testIdmap } from "../harness/idmap.ts";
import { mounted } from "../harness/mount.ts";
import { namespaceOf, status } from "../harness/processes.ts";
import { crioPod, volume } from "./crio.ts";
import { watchMachine } from "./leaks.ts";
import { IDS } from "./pinned.ts";

const atFirst = watchMachine();

/** A directory of the host with a tmpfs below, and a file in each: `outer` and `sub/inner`. */
function directoryWithSubmount(owner = 0): Disposable & { readonly path: string } {
  const path = join(freshDirectory("volumes"), "volume");
  mkdirSync(join(path, "sub"), { recursive: true });
  const below = mounted(join(path, "sub"), "-t", "tmpfs", "below");
  chmodSync(join(path, "sub"), 0o755);
  for (const name of ["outer", "sub/inner"]) writeFileSync(join(path, name), `${name} `);
  for (const name of ["", "sub", "outer", "sub/inner"]) chownSync(join(path, name), owner, owner);
  return { path, [Symbol.dispose]: () => below[Symbol.dispose]() };
}

for (const [access, inOuter, below] of [
  ["rw", "written", "written"],
  ["ro", "Read-only file system", "written"],
  ["rro", "Read-only file system", "Read-only file system"],
] as const)
  for (const mapped of [false, true])
    test(`a ${access} volume with a mount below it${mapped ? ", in a user namespace" : ""}`, async () => {
      using pod = crioPod({ mapped });
      using host = directoryWithSubmount(mapped ? IDS[0].hostID : 0);
      chmodSync(host.path, 0o700);
      const script = `exec 2>&1; cat /mnt/outer /mnt/sub/inner; echo
        for file in /mnt/new /mnt/sub/new; do touch $file && echo $file: written; done`;
      const box = await pod.run(["sh", "-c", script], { mounts: [volume(host.path, { access })] });
      await box.conmon.ended();
      const [read, outer, inner] = box.conmon.log().split("\n");
      assert.is(read, "outer sub/inner ");
      assert.match(outer ?? "", new RegExp(`/mnt/new: ${inOuter}`));
      assert.match(inner ?? "", new RegExp(`/mnt/sub/new: ${below}`));
    });

test("a pod's user namespace is joined by its path, beside which its mappings stand", async () => {
  using pod = crioPod({ mapped: true });
  const infra = await pod.run(["/pause"], { rootfs: "pause" });
  const { pid } = infra.state();
  const box = await pod.run(["sleep", "100"], { pid });
  assert.is(namespaceOf(box.state().pid, "user"), namespaceOf(pid, "user"));
  assert.match(status(box.state().pid).get("Uid") ?? "", /^100000\b/);
  assert.is((await box.exec(["id", "-u"])).log, "0\n");
  assert.match((await box.exec(["ps"])).log, /1 root +\/pause/);
});

test("a volume of a user namespace is found below a directory that its root can't enter", async () => {
  using pod = crioPod({ mapped: true });
  using host = directoryWithSubmount(IDS[0].hostID);
  chmodSync(dirname(host.path), 0o700);
  const mounts = [volume(host.path)];
  const box = await pod.run(["cat", "/mnt/outer", "/mnt/sub/inner"], { mounts });
  await box.conmon.ended();
  assert.is(box.conmon.log(), "outer sub/inner ");
});

testTsrun("a cgroup that is mounted writable is the user namespace's to divide", async () => {
  using pod = crioPod({ mapped: true });
  const options = ["nosuid", "noexec", "nodev", "relatime", "rw"]; // cgroup2-mount-hierarchy-rw of its pod
  const cgroup = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options };
  const script = "mkdir /sys/fs/cgroup/inner && echo $$ >/sys/fs/cgroup/inner/cgroup.procs && echo moved";
  const box = await pod.run(["sh", "-c", script], { mounts: [cgroup] });
  await box.conmon.ended();
  assert.is(box.conmon.log(), "moved\n");
});

testIdmap("an id-mapped volume shows the host's files as the container's, and only them", async () => {
  using pod = crioPod({ mapped: true });
  using host = directoryWithSubmount();
  // The kubelet asks for the pod's own mappings, and CRI-O names no option for them.
  const mapping = { uidMappings: IDS, gidMappings: IDS };
  const mounts = [volume(host.path, mapping)];
  const owners = ["stat", "-c", "%u:%g", "/mnt/outer", "/mnt/sub/inner"];
  const box = await pod.run(owners, { mounts });
  await box.conmon.ended();
  assert.is(box.conmon.log(), "0:0\n65534:65534\n");
});

test("nothing is left of all these", async () => {
  await atFirst("of the pods");
});

test.run();
