// Runs beside other files.
// Limits of the controllers that this machine's cgroup v2 has.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { JsonObject } from "../../harness/bundle.ts";
import { cgroup2Controllers, cgroup2Of } from "../../harness/cgroups.ts";
import { container, ran, started } from "../../harness/container.ts";
import { isTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";

const SLEEP = ["sleep", "60"];

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
