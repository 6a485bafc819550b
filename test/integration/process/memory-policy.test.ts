// Runs beside other files.
import { existsSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inside, ran, started } from "../../harness/container.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { complaint, runtime, silent } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";

const testNuma = testIf(existsSync("/proc/self/numa_maps"), "needs a kernel with NUMA");

/** The policy of the first mapping of a process, as the kernel names it (numa_maps in proc_pid_numa_maps(5)). */
const POLICY = ["sh", "-c", "head -n 1 /proc/self/numa_maps | cut -d' ' -f2"];

for (const [memoryPolicy, seen] of [
  [{ mode: "MPOL_BIND", nodes: "0" }, "bind:0"],
  [{ mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] }, "bind=static:0"],
  [{ mode: "MPOL_INTERLEAVE", nodes: "0", flags: ["MPOL_F_RELATIVE_NODES"] }, "interleave=relative:0"],
  [{ mode: "MPOL_PREFERRED", nodes: "0" }, "prefer:0"],
  [{ mode: "MPOL_PREFERRED_MANY", nodes: "0" }, "prefer (many):0"],
  [{ mode: "MPOL_LOCAL" }, "local"],
  [{ mode: "MPOL_DEFAULT" }, "default"],
] as const) {
  testNuma(`linux.memoryPolicy ${JSON.stringify(memoryPolicy)} is ${seen}`, () => {
    const told = inside(["sh", "-c", "head -n 1 /proc/self/numa_maps"], { linux: { memoryPolicy } });
    assert.match(told, new RegExp(`^\\w+ ${seen.replaceAll(/[()]/g, "\\$&")} `));
  });
}

testNuma("a process of exec has the container's memory policy", () => {
  using one = started({ args: ["sleep", "60"], linux: { memoryPolicy: { mode: "MPOL_BIND", nodes: "0" } } });
  assert.is(silent(runtime(["exec", one.id, ...POLICY])).stdout, "bind:0\n");
});

testNuma("a startContainer hook has it, too", () => {
  const hook = { path: "/bin/sh", args: ["sh", "-c", `test "$(${POLICY[2]})" = bind:0`], env: ["PATH=/bin"] };
  using one = started({
    args: ["sleep", "60"],
    linux: { memoryPolicy: { mode: "MPOL_BIND", nodes: "0" } },
    hooks: { startContainer: [hook] },
  });
  assert.is(one.state().status, "running");
});

testNuma("nodes that the machine lacks are refused by their property, and nothing is left", async () => {
  const left = watchLeaks();
  for (const [nodes, said] of [
    ["63", /linux\.memoryPolicy \(MPOL_BIND of nodes 63\): set_mempolicy: EINVAL .*; does this machine have/],
    ["2000", /linux\.memoryPolicy\.nodes: there is no node 2000/],
  ] as const) {
    const linux = { memoryPolicy: { mode: "MPOL_BIND", nodes } };
    assert.match(complaint(ran({ args: ["true"], linux })), said);
  }
  await left("of a refused policy");
});

leavesNothing();
test.run();
