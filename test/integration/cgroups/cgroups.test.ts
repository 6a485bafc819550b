// Runs beside other files.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, type JsonObject, namespaces } from "../../harness/bundle.ts";
import { cgroup2Mount, cgroup2Of, removeCgroups } from "../../harness/cgroups.ts";
import { container, created, inside, ran, started } from "../../harness/container.ts";
import { testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";

const SLEEP = ["sleep", "60"];

/** The name of a cgroup that containers may share; as a runtime can't know whose it is, the test removes it. */
function cgroupParent() {
  const name = uniqueId();
  return { name, [Symbol.asyncDispose]: async () => void (await removeCgroups(name)) };
}

/** Calls the runtime from a new cgroup. */
function from(path: string): readonly string[] {
  mkdirSync(path, { recursive: true });
  return ["sh", "-c", `echo $$ >${path}/cgroup.procs && exec "$@"`, "sh"];
}

const controllersOf = (directory: string) => readFileSync(join(directory, "cgroup.controllers"), "utf8");

// The directory

test("a container has a cgroup of its own, named by its id", () => {
  using box = started({ args: SLEEP });
  const directory = cgroup2Of(box.pid());
  assert.ok(basename(directory).includes(box.id), directory);
  assert.is(readFileSync(join(directory, "cgroup.procs"), "utf8"), `${box.pid()}\n`);
});

testTsrun("a cgroup that has processes or is frozen is refused, and stays as it is", async () => {
  await using busy = cgroupParent();
  const path = join(cgroup2Mount(), busy.name);
  mkdirSync(path);
  const refused = () => complaint(ran({ args: ["true"], linux: { cgroupsPath: `/${busy.name}` } }));
  {
    using sleeper = spawned("sleep", "60");
    writeFileSync(join(path, "cgroup.procs"), `${sleeper.pid}`);
    assert.match(refused(), /linux\.cgroupsPath: the container's cgroup is not empty: .* has processes/);
    assert.is(readFileSync(join(path, "cgroup.procs"), "utf8"), `${sleeper.pid}\n`);
  }
  await waitUntil(() => readFileSync(join(path, "cgroup.procs"), "utf8") === "", "the process has ended");
  writeFileSync(join(path, "cgroup.freeze"), "1");
  assert.match(refused(), /linux\.cgroupsPath: the container's cgroup unexpectedly frozen: write 0/);
  assert.ok(existsSync(path));
});

function spawned(file: string, ...args: readonly string[]) {
  const { pid } = Bun.spawn([file, ...args]);
  return { pid, [Symbol.dispose]: () => void process.kill(pid, "SIGKILL") };
}

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

test("without a cgroupsPath the cgroup is beside the caller's own", async () => {
  await using parent = cgroupParent();
  const path = join(cgroup2Mount(), parent.name);
  using box = container({ args: SLEEP });
  box.create({ through: from(join(path, "caller")) });
  assert.is(cgroup2Of(box.pid()), join(path, box.id));
  box.delete("--force");
  assert.ok(existsSync(join(path, "caller")));
});

test("a relative cgroupsPath is taken from beside the caller's own cgroup", async () => {
  await using parent = cgroupParent();
  const path = join(cgroup2Mount(), parent.name);
  using box = container({ args: SLEEP, linux: { cgroupsPath: "pod/../pod/box" } });
  box.create({ through: from(join(path, "callers/one")) });
  assert.is(cgroup2Of(box.pid()), join(path, "callers/pod/box"));
});

test("a container has every controller that the host has, whatever its limits", async () => {
  await using parent = cgroupParent();
  using box = started({ args: SLEEP, linux: { cgroupsPath: `/${parent.name}/box` } });
  assert.is(controllersOf(cgroup2Of(box.pid())), controllersOf(cgroup2Mount()));
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

leavesNothing();
test.run();
