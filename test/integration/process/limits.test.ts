// Runs beside other files.
// Limits, and the OOM score.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { inside, ran, ranIn } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";

test("rlimits are config.json's", () => {
  const rlimits = [
    { type: "RLIMIT_NOFILE", soft: 100, hard: 200 },
    { type: "RLIMIT_CORE", soft: 0, hard: 0 },
    { type: "RLIMIT_NPROC", soft: 50, hard: 60 },
  ];
  const limits = inside(["cat", "/proc/self/limits"], { process: { rlimits } });
  assert.match(limits, /^Max open files +100 +200 /m);
  assert.match(limits, /^Max core file size +0 +0 /m);
  assert.match(limits, /^Max processes +50 +60 /m);
});

for (const [what, hooks] of [
  ["a container", {}],
  ["one with hooks", { createRuntime: [{ path: "/bin/true" }] }],
] as const)
  test(`a limit of few open files holds for the program of ${what} alone`, () => {
    const rlimits = [{ type: "RLIMIT_NOFILE", soft: 10, hard: 10 }];
    assert.is(inside(["sh", "-c", "ulimit -n"], { process: { rlimits }, hooks }), "10\n");
  });

test("an rlimit that isn't named is the caller's", () => {
  const limits = inside(["cat", "/proc/self/limits"], { process: { rlimits: [] } });
  const [own, seen] = [readFileSync("/proc/self/limits", "utf8"), limits].map(
    (text) => text.match(/^Max stack size +(.*)$/m)?.[1],
  );
  assert.is(seen, own);
});

test("an rlimit of 2^64-1, which no JavaScript number holds, is unlimited", () => {
  const { path } = bundle({
    args: ["cat", "/proc/self/limits"],
    process: { rlimits: [{ type: "RLIMIT_FSIZE", soft: 4096, hard: "MAX" }] },
  });
  const file = join(path, "config.json");
  writeFileSync(file, readFileSync(file, "utf8").replace('"MAX"', "18446744073709551615"));
  assert.match(succeeded(ranIn(path)).stdout, /^Max file size +4096 +unlimited /m);
});

test("an rlimit may be unlimited in both its values", () => {
  const { path } = bundle({
    args: ["cat", "/proc/self/limits"],
    process: { rlimits: [{ type: "RLIMIT_RSS", soft: "MAX", hard: "MAX" }] },
  });
  const file = join(path, "config.json");
  writeFileSync(file, readFileSync(file, "utf8").replaceAll('"MAX"', "18446744073709551615"));
  const { stdout } = succeeded(ranIn(path, { through: ["prlimit", "--rss=4096:unlimited"] }));
  assert.match(stdout, /^Max resident set +unlimited +unlimited /m);
});

testTsrun("an rlimit listed twice is refused", () => {
  const limit = { type: "RLIMIT_NOFILE", soft: 10, hard: 10 };
  complaint(ran({ args: ["true"], process: { rlimits: [limit, limit] } }));
});

test("an unknown rlimit is refused", () => {
  complaint(ran({ args: ["true"], process: { rlimits: [{ type: "RLIMIT_FOO", soft: 1, hard: 1 }] } }));
});

test("oomScoreAdj is config.json's", () => {
  assert.is(inside(["cat", "/proc/self/oom_score_adj"], { process: { oomScoreAdj: 321 } }), "321\n");
});

test("oomScoreAdj 0 is config.json's, too, whatever the caller's", () => {
  const through = ["sh", "-c", 'echo 300 > /proc/self/oom_score_adj; exec "$@"', "sh"];
  const read = ["cat", "/proc/self/oom_score_adj"];
  assert.is(inside(read, {}, { through }), "300\n");
  assert.is(inside(read, { process: { oomScoreAdj: 0 } }, { through }), "0\n");
});

test("without oomScoreAdj it is the caller's", () => {
  const own = readFileSync("/proc/self/oom_score_adj", "utf8");
  assert.is(inside(["cat", "/proc/self/oom_score_adj"]), own);
});

leavesNothing();
test.run();
