// Runs beside other files.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, DEFAULT_MOUNTS, namespaces } from "../harness/bundle.ts";
import { cgroup2Mount } from "../harness/cgroups.ts";
import { container, inside, started } from "../harness/container.ts";
import { uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { command } from "../harness/mount.ts";
import { namespaceOf } from "../harness/processes.ts";
import { complaint, succeeded } from "../harness/runtime.ts";
import { waitUntil } from "../harness/wait.ts";
import { Cgroup, cgroupOf, parentCgroup } from "./cgroup.ts";

const MIB = 1024 * 1024;
const SLEEP = ["sleep", "60"];
const LIMITED = { memory: { limit: 32 * MIB }, pids: { limit: 20 } };

// Controllers, from the top down to the container

test("every cgroup above a container gives it the controllers that its limits need", () => {
  const top = `/${uniqueId()}`;
  using box = started({ args: SLEEP, linux: { cgroupsPath: `${top}/a/b`, resources: LIMITED } });
  for (const above of ["", top, `${top}/a`]) {
    const enabled = new Cgroup(join(cgroup2Mount(), above)).words("cgroup.subtree_control");
    assert.ok(enabled.includes("memory") && enabled.includes("pids"), `${above}: ${enabled}`);
  }
  assert.is(cgroupOf(box).read("memory.max"), `${32 * MIB}`);
  assert.is(cgroupOf(box).read("pids.max"), "20");
  box.delete("--force");
  assert.not(existsSync(join(cgroup2Mount(), top)), "what tsrun made above it goes, too");
});

test("a cgroup that was there before gets the controllers, and stays", async () => {
  await using pod = parentCgroup();
  using box = started({ args: SLEEP, linux: { cgroupsPath: `${pod.name}/box`, resources: LIMITED } });
  assert.ok(pod.words("cgroup.subtree_control").includes("memory"));
  assert.is(cgroupOf(box).read("pids.max"), "20");
  box.delete("--force");
  assert.ok(existsSync(pod.path));
});

test("limits below a cgroup that has processes of its own are refused, and named", async () => {
  await using pod = parentCgroup();
  using inThePod = started({ args: SLEEP, linux: { cgroupsPath: pod.name } });
  using box = container({ args: SLEEP, linux: { cgroupsPath: `${pod.name}/box`, resources: LIMITED } });
  const said = complaint(box.call("create", "--bundle", box.bundle.path));
  assert.match(said, /linux\.(cgroupsPath|resources)/);
  assert.ok(said.includes(pod.path), said);
  assert.is(inThePod.state().status, "running");
});

// A container that runs containers

const OWN_CGROUP = {
  mounts: [
    ...DEFAULT_MOUNTS.filter(({ destination }) => destination !== "/sys"),
    { destination: "/sys", type: "sysfs", source: "sysfs" },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" },
  ],
};

/** Moves the shell out of the cgroup's root and hands the controllers down, as docker does in a container. */
const SPLIT = [
  "cd /sys/fs/cgroup",
  "mkdir self inner",
  "echo 0 > self/cgroup.procs",
  "echo +memory +pids > cgroup.subtree_control",
  "echo 8388608 > inner/memory.max",
  "cat inner/memory.max",
].join(" && ");

test("a container divides its cgroup among its own", () => {
  const linux = { namespaces: namespaces({ cgroup: true }), resources: LIMITED };
  assert.is(inside(["sh", "-c", SPLIT], { ...OWN_CGROUP, linux }), "8388608\n");
});

test("exec goes on to work in a container that has divided its cgroup", async () => {
  const linux = { namespaces: namespaces({ cgroup: true }), resources: LIMITED };
  using box = started({ args: ["sh", "-c", `${SPLIT}; exec sleep 60`], ...OWN_CGROUP, linux });
  await waitUntil(() => box.printed() !== "", "the cgroup is divided");
  const seen = succeeded(box.exec("cat", "/proc/self/cgroup")).stdout;
  assert.match(seen, /^0::\/self$/m);
});

const RANGE = [{ containerID: 0, hostID: 100000, size: 65536 }];

test("the root of a user namespace divides its cgroup, too", () => {
  const linux = {
    namespaces: namespaces({ cgroup: true, user: true }),
    uidMappings: RANGE,
    gidMappings: RANGE,
    resources: LIMITED,
  };
  assert.is(inside(["sh", "-c", SPLIT], { ...OWN_CGROUP, linux }), "8388608\n");
});

test("it can't raise the limits that it was given", () => {
  const linux = {
    namespaces: namespaces({ cgroup: true, user: true }),
    uidMappings: RANGE,
    gidMappings: RANGE,
    resources: LIMITED,
  };
  const script = "echo max > /sys/fs/cgroup/memory.max; cat /sys/fs/cgroup/memory.max";
  assert.is(inside(["sh", "-c", `${script} 2>/dev/null`], { ...OWN_CGROUP, linux }), `${32 * MIB}\n`);
});

test("device rules hold in the cgroups that a container makes", () => {
  const script = `mkdir /sys/fs/cgroup/inner && echo 0 > /sys/fs/cgroup/inner/cgroup.procs &&
    mknod /tmp/node c 10 229 2>&1; (: < /tmp/node) 2>&1 && echo opened`;
  const linux = { namespaces: namespaces({ cgroup: true }) };
  const process = { capabilities: capabilities(["CAP_MKNOD"]) };
  const args = ["sh", "-c", `${script}; true`];
  assert.match(inside(args, { ...OWN_CGROUP, linux, process }), /Operation not permitted/);
});

// Delegation: nobody is born in a cgroup namespace's cgroups who joined it outside of them (cgroups(7), nsdelegate)

/** How often a test is repeated in the middle of which CRIU took the options away. */
const TRIES = 10;

/**
 * A test with the guest's cgroup v2 as systemd mounts it. CRIU, which other files use meanwhile, resets the options of
 * the one there is when it mounts it for itself: what was done without them proves nothing, and is done once more.
 */
function testDelegated(name: string, body: () => void): void {
  const isDelegated = () => / - cgroup2 .*\bnsdelegate\b/.test(readFileSync("/proc/self/mountinfo", "utf8"));
  test(name, () => {
    for (let tries = 0; tries < TRIES; tries++) {
      command("mount", "-o", "remount,nsdelegate,memory_recursiveprot", cgroup2Mount());
      body();
      if (isDelegated()) return;
    }
    assert.unreachable(`nsdelegate was lost each of ${TRIES} times`);
  });
}

for (const user of [false, true]) {
  const mappings = user ? { uidMappings: RANGE, gidMappings: RANGE } : {};
  const how = user ? "of a user namespace" : "of root's";

  testDelegated(`exec is born in the cgroup of a container ${how} with a cgroup namespace`, () => {
    const linux = { namespaces: namespaces({ cgroup: true, user }), ...mappings };
    using box = started({ args: SLEEP, linux });
    assert.is(succeeded(box.exec("cat", "/proc/self/cgroup")).stdout, "0::/\n");
  });

  testDelegated(`hooks run in a container ${how} with a cgroup namespace`, () => {
    const hook = [{ path: "/bin/sh", args: ["sh", "-c", "grep -q '^0::/$' /proc/self/cgroup"] }];
    const linux = { namespaces: namespaces({ cgroup: true, user }), ...mappings };
    using box = started({
      args: SLEEP,
      hooks: { createContainer: hook, startContainer: hook },
      linux,
    });
    assert.is(box.state().status, "running");
  });
}

testDelegated("a container may join another's cgroup namespace", () => {
  using first = started({ args: SLEEP, linux: { namespaces: namespaces({ cgroup: true }) } });
  const linux = { namespaces: namespaces({ cgroup: `/proc/${first.pid()}/ns/cgroup` }) };
  using second = started({ args: SLEEP, linux });
  assert.is(namespaceOf(second.pid(), "cgroup"), namespaceOf(first.pid(), "cgroup"));
  assert.match(succeeded(second.exec("cat", "/proc/self/cgroup")).stdout, /^0::\/\.\.\/[^/]+\n$/);
});

testDelegated(
  "a container without a cgroup namespace sees all cgroups, and the host's stay delegated",
  () => {
    const script = 'cat "/sys/fs/cgroup$(sed s/^0::// /proc/self/cgroup)/cgroup.procs"; ls /sys/fs/cgroup';
    const seen = inside(["sh", "-c", script], OWN_CGROUP);
    assert.match(seen, /^1\n/);
    assert.ok(seen.includes("\ncgroup.subtree_control\n") && !seen.includes("\ncgroup.type\n"), "the root");
  },
);

// Removal

test("delete --force removes a container that goes on making cgroups and processes", async () => {
  const busy = `cd /sys/fs/cgroup; n=0
    while [ $n -lt 200 ]; do n=$((n + 1)); mkdir -p $n/deep; sleep 60 & echo $! > $n/deep/cgroup.procs; done`;
  const linux = { namespaces: namespaces({ cgroup: true }) };
  using box = started({ args: ["sh", "-c", busy], ...OWN_CGROUP, linux });
  const { path } = cgroupOf(box);
  await waitUntil(() => existsSync(join(path, "20")), "it is at it");
  box.delete("--force");
  assert.not(existsSync(path));
});

leavesNothing();
test.run();
