import { test } from "uvu";
import * as assert from "uvu/assert";
import { controllersIn, unifiedMountIn, v1MountIn } from "../../../../src/linux/cgroups/hierarchy.ts";
import { FakeHierarchy } from "./fake-cgroup.ts";

const HYBRID = `23 1 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
38 31 0:35 / /sys/fs/cgroup/blkio rw,relatime - cgroup cgroup rw,blkio
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;

test("cgroup v2 is found in a mount table", () => {
  assert.is(unifiedMountIn(HYBRID), "/sys/fs/cgroup/unified");
  assert.is(unifiedMountIn(HYBRID.replace(/^41.*\n/m, "")), undefined);
});

test("a controller is found where cgroup v1 has it", () => {
  assert.is(v1MountIn(HYBRID, "cpu"), "/sys/fs/cgroup/cpu,cpuacct");
  assert.is(v1MountIn(HYBRID, "io"), "/sys/fs/cgroup/blkio");
  assert.is(v1MountIn(HYBRID, "memory"), null);
});

test("the controllers of a cgroup are read, also when there are none", () => {
  using fake = new FakeHierarchy({ "cgroup.controllers": "cpu io memory\n", "cgroup.subtree_control": "\n" });
  assert.equal([...controllersIn(fake.mount)], ["cpu", "io", "memory"]);
  assert.equal([...controllersIn(fake.mount, "cgroup.subtree_control")], []);
});

test.run();
