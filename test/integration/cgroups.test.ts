// Runs beside other files.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, type JsonObject, namespaces } from "../harness/bundle.ts";
import { cgroup2Controllers, cgroup2Mount, cgroup2Of, removeCgroups } from "../harness/cgroups.ts";
import { container, created, inside, ran, started } from "../harness/container.ts";
import { isTsrun, uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { complaint, succeeded } from "../harness/runtime.ts";
import { testIf } from "../harness/skip.ts";

const SLEEP = ["sleep", "60"];

/** The name of a cgroup that containers may share; as a runtime can't know whose it is, the test removes it. */
function cgroupParent() {
  const name = uniqueId();
  return { name, [Symbol.asyncDispose]: async () => void (await removeCgroups(name)) };
}

// The directory

test("a container has a cgroup of its own, named by its id", () => {
  using box = started({ args: SLEEP });
  const directory = cgroup2Of(box.pid());
  assert.ok(basename(directory).includes(box.id), directory);
  assert.is(readFileSync(join(directory, "cgroup.procs"), "utf8"), `${box.pid()}\n`);
});

test("its process is in there before create returns", () => {
  using box = created({ args: SLEEP });
  assert.ok(cgroup2Of(box.pid()).includes(box.id));
});

test("an absolute cgroupsPath is taken from the top of the hierarchy", async () => {
  await using parent = cgroupParent();
  const cgroupsPath = `/${parent.name}/inner`;
  using box = started({ args: SLEEP, linux: { cgroupsPath } });
  assert.is(cgroup2Of(box.pid()), join(cgroup2Mount(), cgroupsPath));
});

test("a relative cgroupsPath is taken from a place the runtime chooses, always the same", async () => {
  await using parent = cgroupParent();
  using one = started({ args: SLEEP, linux: { cgroupsPath: `${parent.name}/one` } });
  using two = started({ args: SLEEP, linux: { cgroupsPath: `${parent.name}/two` } });
  const [first, second] = [cgroup2Of(one.pid()), cgroup2Of(two.pid())];
  assert.ok(first.endsWith(`/${parent.name}/one`), first);
  assert.is(second, first.replace(/one$/, "two"));
});

test("a cgroupsPath doesn't climb out of the hierarchy", () => {
  const name = uniqueId();
  using box = started({ args: SLEEP, linux: { cgroupsPath: `/../../${name}` } });
  assert.is(cgroup2Of(box.pid()), join(cgroup2Mount(), name));
});

test("delete removes the cgroup, with those that the container made in it", () => {
  using box = started({ args: SLEEP });
  const directory = cgroup2Of(box.pid());
  mkdirSync(join(directory, "inner/deep"), { recursive: true });
  box.delete("--force");
  assert.not(existsSync(directory));
});

test("delete removes cgroups whose names are no text", () => {
  using box = started({ args: SLEEP });
  const directory = cgroup2Of(box.pid());
  const inner = Buffer.concat([Buffer.from(`${directory}/`), Buffer.of(0xff, 0x78)]);
  mkdirSync(inner);
  mkdirSync(Buffer.concat([inner, Buffer.of(0x2f, 0xc3)]));
  box.delete("--force");
  assert.not(existsSync(directory));
});

test("delete leaves another's cgroup beside it alone", async () => {
  await using parent = cgroupParent();
  using other = started({ args: SLEEP, linux: { cgroupsPath: `/${parent.name}/other` } });
  using box = started({ args: SLEEP, linux: { cgroupsPath: `/${parent.name}/box` } });
  const kept = cgroup2Of(other.pid());
  box.delete("--force");
  assert.ok(existsSync(kept));
  assert.is(other.state().status, "running");
});

test("what exec starts is in the container's cgroup", () => {
  using box = started({ args: SLEEP });
  const seen = succeeded(box.exec("cat", "/proc/self/cgroup")).stdout;
  assert.ok(seen.match(/^0::(.*)$/m)?.[1]?.includes(box.id), seen);
});

test("in a cgroup namespace the container's cgroup is the root", () => {
  const seen = inside(["cat", "/proc/self/cgroup"], { linux: { namespaces: namespaces({ cgroup: true }) } });
  assert.match(seen, /^0::\/$/m);
});

// Devices

/** Opens, in a container with the device rules, a node that it makes, and tells how that went. */
function open(node: string, rules: readonly JsonObject[] = [{ allow: false, access: "rwm" }]): string {
  const script = `mknod /tmp/node ${node} 2>&1; (head -c 0 < /tmp/node) 2>&1 && echo opened`;
  return ran({
    args: ["sh", "-c", script],
    process: { capabilities: capabilities(["CAP_MKNOD", "CAP_SYSLOG"]) },
    linux: { resources: { devices: rules } },
  }).stdout;
}

const DENIED = /Operation not permitted/;

test("the default devices may be made and opened", () => {
  assert.is(open("c 1 3"), "opened\n");
  assert.is(open("c 1 9"), "opened\n");
});

for (const [name, node] of [
  ["the kernel's log", "c 1 11"],
  ["a loop device", "b 7 0"],
  ["fuse", "c 10 229"],
] as const) {
  test(`${name} is denied`, () => {
    assert.match(open(node), DENIED);
  });
}

test("a rule that allows a device opens it", () => {
  const rules = [
    { allow: false, access: "rwm" },
    { allow: true, type: "c", major: 1, minor: 11, access: "rwm" },
  ];
  assert.is(open("c 1 11", rules), "opened\n");
});

test("a rule without a minor allows them all", () => {
  const rules = [
    { allow: false, access: "rwm" },
    { allow: true, type: "c", major: 1, access: "rwm" },
  ];
  assert.is(open("c 1 11", rules), "opened\n");
});

test("a rule for making a device doesn't open it", () => {
  const rules = [
    { allow: false, access: "rwm" },
    { allow: true, type: "c", major: 1, minor: 11, access: "m" },
  ];
  assert.match(open("c 1 11", rules), DENIED);
});

test("the last rule that fits decides", () => {
  const rules = [
    { allow: true, type: "c", major: 1, minor: 11, access: "rwm" },
    { allow: false, access: "rwm" },
  ];
  assert.match(open("c 1 11", rules), DENIED);
});

test("the rules hold for what exec starts, too", () => {
  using box = started({ args: SLEEP, process: { capabilities: capabilities(["CAP_MKNOD"]) } });
  const script = "mknod /tmp/node c 1 11; head -c 0 < /tmp/node";
  assert.match(box.exec("sh", "-c", script).stderr, DENIED);
});

test("the rules hold in a user namespace, too", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = {
    namespaces: namespaces({ user: true }),
    uidMappings: mappings,
    gidMappings: mappings,
  };
  assert.is(inside(["sh", "-c", "head -c 3 /dev/zero | wc -c"], { linux }), "3\n");
});

// Controllers, where cgroup v2 has them

const controllers = cgroup2Controllers();
const testWith = (controller: string) =>
  testIf(controllers.has(controller), `needs cgroup controller ${controller}`);

/** A file of the cgroup that a container with `resources` is in. */
function cgroupFile(resources: JsonObject, file: string): string {
  using box = started({ args: SLEEP, linux: { resources } });
  return readFileSync(join(cgroup2Of(box.pid()), file), "utf8").trim();
}

testWith("memory")("memory.limit is memory.max", () => {
  assert.is(cgroupFile({ memory: { limit: 33554432 } }, "memory.max"), "33554432");
});

testWith("memory")("memory.swap counts memory in, memory.swap.max doesn't", () => {
  assert.is(cgroupFile({ memory: { limit: 33554432, swap: 50331648 } }, "memory.swap.max"), "16777216");
});

testWith("memory")("memory.reservation is memory.low", () => {
  assert.is(cgroupFile({ memory: { reservation: 16777216 } }, "memory.low"), "16777216");
});

testWith("memory")("a limit of -1 is no limit", () => {
  assert.is(cgroupFile({ memory: { limit: -1 } }, "memory.max"), "max");
});

testWith("memory")("a container starts within 1 MiB", () => {
  using box = started({
    args: ["/bin/busybox", "sleep", "60"],
    linux: { resources: { memory: { limit: 1048576 } } },
  });
  assert.is(box.state().status, "running");
});

testWith("memory")("a container that takes more than its limit is killed", () => {
  const script = "head -c 100000000 /dev/zero | tail > /dev/null";
  const { status } = ran({
    args: ["sh", "-c", `exec ${script}`],
    linux: { resources: { memory: { limit: 16777216, swap: 16777216 } } },
  });
  assert.is(status, 137);
});

testWith("cpu")("cpu.quota and cpu.period are cpu.max", () => {
  assert.is(cgroupFile({ cpu: { quota: 20000, period: 100000 } }, "cpu.max"), "20000 100000");
});

testWith("cpu")("cpu.shares of 1024 is cpu.weight 100, the default of both", () => {
  assert.is(cgroupFile({ cpu: { shares: 1024 } }, "cpu.weight"), "100");
});

testWith("cpu")("zeros are unset, as docker sends them", () => {
  assert.is(cgroupFile({ cpu: { shares: 0, quota: 0, period: 0 } }, "cpu.weight"), "100");
});

testWith("pids")("pids.limit is pids.max", () => {
  assert.is(cgroupFile({ pids: { limit: 20 } }, "pids.max"), "20");
});

testWith("pids")("a container with a pids limit can't fork beyond it", () => {
  const script = "for n in 1 2 3 4 5 6; do sleep 1 & done 2>/dev/null; echo forked";
  const { stdout } = ran({ args: ["sh", "-c", script], linux: { resources: { pids: { limit: 4 } } } });
  assert.not.match(stdout, /forked/);
});

const REFUSED = [
  ["memory", { limit: 33554432 }],
  ["rdma", { mlx5_1: { hcaHandles: 3 } }],
] as const;
const missing = REFUSED.find(([controller]) => !controllers.has(controller));

testIf(isTsrun && missing !== undefined, "needs a machine without the cgroup controller memory or rdma")(
  "a limit that no controller here can keep is refused, and named",
  () => {
    const [controller, limits] = missing ?? REFUSED[0];
    using box = container({ linux: { resources: { [controller]: limits } } });
    const said = complaint(box.call("create", "--bundle", box.bundle.path));
    assert.match(said, new RegExp(`linux\\.resources\\.${controller}`));
  },
);

leavesNothing();
test.run();
