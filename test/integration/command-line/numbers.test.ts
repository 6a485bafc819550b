// Runs beside other files.
// 64-bit numbers of config.json, process files and limits, which a double would round.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatJson } from "../../../runtime-spec/json.ts";
import type { JsonObject } from "../../harness/bundle.ts";
import { container, ran, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, runtime, silent, succeeded } from "../../harness/runtime.ts";
import { notebook, SLEEP, script, withHooks } from "../hooks/scripts.ts";

const LIMITS = ["cat", "/proc/self/limits"];
const [SOFT, HARD] = [9007199254740993n, 9223372036854775809n]; // 2^53 + 1, 2^63 + 1
const rlimits = [{ type: "RLIMIT_RSS", soft: SOFT, hard: HARD }];
const EXACT = new RegExp(`^Max resident set +${SOFT} +${HARD} `, "m");

/** A JSON file with this in it. */
function jsonFile(value: JsonObject): string {
  const file = join(freshDirectory("json"), "file.json");
  writeFileSync(file, formatJson(value));
  return file;
}

test("an rlimit is exact", () => {
  assert.match(succeeded(ran({ args: LIMITS, process: { rlimits } })).stdout, EXACT);
});

test("an rlimit of 2^64-1 is unlimited, and one below it is not", () => {
  const [soft, hard] = [2n ** 64n - 2n, 2n ** 64n - 1n];
  const { stdout } = succeeded(
    ran({ args: LIMITS, process: { rlimits: [{ type: "RLIMIT_RSS", soft, hard }] } }),
  );
  assert.match(stdout, /^Max resident set +18446744073709551614 +unlimited /m);
});

test("a limit that 64 bits do not hold is refused", () => {
  const limit = { type: "RLIMIT_RSS", soft: 1, hard: 2n ** 64n };
  complaint(ran({ args: LIMITS, process: { rlimits: [limit] } }));
});

test("exec gives the container's exact rlimits, also after an update", () => {
  using box = started({ args: SLEEP, process: { rlimits } });
  assert.match(succeeded(box.exec(...LIMITS)).stdout, EXACT);
  silent(runtime(["update", "--resources", jsonFile({}), box.id]));
  assert.match(succeeded(box.exec(...LIMITS)).stdout, EXACT);
});

test("an rlimit of a process file is exact", () => {
  using box = started({ args: SLEEP });
  const { user, env, cwd, capabilities } = box.bundle.config["process"] as JsonObject;
  const file = jsonFile({ user, env, cwd, capabilities, args: LIMITS, rlimits });
  assert.match(succeeded(runtime(["exec", "--process", file, box.id])).stdout, EXACT);
});

test("a startContainer hook has the container's exact rlimits", () => {
  const notes = notebook();
  const hook = script("cat /proc/self/limits > /home/notes");
  using box = container({
    ...withHooks(notes, {}),
    process: { rlimits },
    hooks: { startContainer: [hook] },
  });
  box.create();
  box.start();
  assert.match(notes.read(), EXACT);
});

/** A profile without ftruncate(2) to this length. */
const without = (value: bigint) => {
  const args = [{ index: 1, value, op: "SCMP_CMP_EQ" }];
  const rule = { names: ["ftruncate"], action: "SCMP_ACT_ERRNO", args };
  return { linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule] } } };
};
const truncating = (length: bigint) => ["truncate", "-s", String(length), "/tmp/file"];

for (const value of [2n ** 53n + 1n, 2n ** 63n - 1n])
  test(`a system call's argument is compared with ${value} itself`, () => {
    using box = started({ args: SLEEP, ...without(value) });
    for (const denied of [
      ran({ args: truncating(value), ...without(value) }),
      box.exec(...truncating(value)),
    ])
      assert.match(complaint(denied), /not permitted/);
    for (const other of [value - 1n, value - 2n]) succeeded(box.exec(...truncating(other)));
  });

testTsrun("a limit of update that 64 bits do not hold is refused with its digits", () => {
  using box = started({ args: SLEEP });
  const file = jsonFile({ memory: { limit: 2n ** 63n } });
  const wanted = /memory\.limit: must be from -1 to 2\^63-1, found 9223372036854775808$/;
  assert.match(complaint(runtime(["update", "--resources", file, box.id])), wanted);
  assert.match(complaint(runtime(["update", "--memory", "8192p", box.id])), /found 9223372036854775808$/);
});

leavesNothing();
test.run();
