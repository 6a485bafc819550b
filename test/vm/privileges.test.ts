// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespaces } from "../harness/bundle.ts";
import { inside, started } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { succeeded } from "../harness/runtime.ts";

const MAPPINGS = [{ containerID: 0, hostID: 100000, size: 65536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: MAPPINGS, gidMappings: MAPPINGS };

/** A caller with few descriptors, who may not raise that limit without CAP_SYS_RESOURCE. */
const FEW_DESCRIPTORS = ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"];
const FILES = [{ type: "RLIMIT_NOFILE", soft: 4096, hard: 8192 }];

for (const [where, linux] of [
  ["", {}],
  [", in a user namespace too", MAPPED],
] as const) {
  test(`a hard limit is raised above the caller's${where}`, () => {
    const seen = inside(
      ["sh", "-c", "ulimit -S -n; ulimit -H -n"],
      { process: { rlimits: FILES }, linux },
      { through: FEW_DESCRIPTORS },
    );
    assert.is(seen, "4096\n8192\n");
  });

  test(`oomScoreAdj is lowered below the caller's${where}`, () => {
    const through = ["sh", "-c", 'echo 300 > /proc/self/oom_score_adj; exec "$@"', "sh"];
    const patch = { process: { oomScoreAdj: -500 }, linux };
    assert.is(inside(["cat", "/proc/self/oom_score_adj"], patch, { through }), "-500\n");
  });
}

test("what exec starts has the raised limits, too", () => {
  using box = started({ args: ["sleep", "60"], process: { rlimits: FILES } });
  assert.is(succeeded(box.exec("sh", "-c", "ulimit -H -n")).stdout, "8192\n");
});

leavesNothing();
test.run();
