import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Resources } from "../../../../runtime-spec/config-linux-resources.ts";
import { applyWrites, planFor } from "../../../../src/linux/cgroups/apply.ts";
import { resourceWrites } from "../../../../src/linux/cgroups/resources.ts";
import { FakeHierarchy } from "./fake-cgroup.ts";

const hostWith = (controllers: string) => new FakeHierarchy({ "cgroup.controllers": `${controllers}\n` });
const plan = (host: FakeHierarchy, resources: Resources) => planFor(host.mount, resourceWrites(resources));
const apply = (cgroup: FakeHierarchy, resources: Resources) =>
  applyWrites(cgroup.mount, resourceWrites(resources));

test("a plan names the controllers that the limits need, each with a property that does", () => {
  using host = hostWith("cpu memory pids");
  const { writes, required } = plan(host, { memory: { limit: 1, reservation: 1 }, pids: { limit: 1 } });
  assert.is(writes.length, 3);
  assert.equal(Object.fromEntries(required), {
    pids: "linux.resources.pids.limit",
    memory: "linux.resources.memory.limit",
  });
});

test("a limit whose controller is missing is refused, with the controller and where v2 is", () => {
  using host = hostWith("hugetlb");
  const complaint =
    /^config\.json: linux\.resources\.memory\.limit: this host's cgroup v2 \(.*\) has no memory controller: /;
  assert.throws(
    () => plan(host, { memory: { limit: 1 } }),
    (error: Error) => complaint.test(error.message),
  );
  assert.throws(() => plan(host, { unified: { "misc.max": "x 1" } }), /no misc controller/);
});

test("a missing controller doesn't matter to a request for what is so anyway", () => {
  using host = hostWith("hugetlb");
  const resources = { cpu: { shares: 1024 }, memory: { limit: -1 }, pids: { limit: -1 } };
  const { writes, required, notes } = plan(host, resources);
  assert.equal(writes, []);
  assert.is(required.size, 0);
  assert.ok(notes.some(({ where }) => where === "linux.resources.cpu.shares"));
  assert.throws(() => plan(host, { cpu: { shares: 2 } }), /linux\.resources\.cpu\.shares.*no cpu controller/);
});

test("files of the cgroup core need no controller", () => {
  using host = hostWith("");
  assert.is(plan(host, { unified: { "cgroup.max.depth": "3" } }).writes.length, 1);
});

test("values land in the files", () => {
  using cgroup = new FakeHierarchy({ "memory.max": "", "memory.swap.max": "" });
  apply(cgroup, { memory: { limit: 64, swap: 64 } });
  assert.is(cgroup.read("memory.max"), "64");
  assert.is(cgroup.read("memory.swap.max"), "0");
});

test("where the kernel lacks BFQ, io.weight is written", () => {
  using cgroup = new FakeHierarchy({ "io.weight": "" });
  apply(cgroup, { blockIO: { weight: 10 } });
  assert.is(cgroup.read("io.weight"), "1");
});

test("a file that may be missing is left out, another is an error with the property", () => {
  using cgroup = new FakeHierarchy({ "memory.max": "" });
  apply(cgroup, { memory: { limit: 64, swap: 64 } });
  assert.is(cgroup.read("memory.max"), "64");
  assert.throws(
    () => apply(cgroup, { memory: { limit: 64, swap: 65 } }),
    /linux\.resources\.memory\.swap: cannot write "1" to .*memory\.swap\.max: ENOENT/,
  );
});

test("checkBeforeUpdate refuses a limit that is reached already", () => {
  using cgroup = new FakeHierarchy({ "memory.max": "", "memory.current": "4096\n" });
  const limitTo = (limit: number) => apply(cgroup, { memory: { limit, checkBeforeUpdate: true } });
  assert.throws(() => limitTo(4096), /linux\.resources\.memory\.limit: 4096 is not above the 4096 bytes/);
  assert.is(cgroup.read("memory.max"), "");
  limitTo(4097);
  assert.is(cgroup.read("memory.max"), "4097");
});

test.run();
