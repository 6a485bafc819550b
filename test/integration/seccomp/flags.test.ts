// Runs beside other files.
// The flags of a seccomp filter, as the kernel tells them of the container's process.
import { spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { JsonObject } from "../../harness/bundle.ts";
import { compiled, testCompiled } from "../../harness/compile.ts";
import { inside, started } from "../../harness/container.ts";
import { leavesNothing } from "../../harness/leaks.ts";

const metadata = compiled("test/integration/seccomp/metadata.c");

const LOG = 2; // linux/seccomp.h: SECCOMP_FILTER_FLAG_LOG, the only one that ptrace(2) tells

function denyingMkdir(flags: readonly string[]): JsonObject {
  const syscalls = [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }];
  return { seccomp: { defaultAction: "SCMP_ACT_ALLOW", flags, syscalls } };
}

for (const [flags, told] of [
  [["SECCOMP_FILTER_FLAG_LOG"], LOG],
  [["SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_LOG"], LOG],
  [["SECCOMP_FILTER_FLAG_SPEC_ALLOW"], 0],
  [[], 0],
] as const) {
  testCompiled(`a filter with the flags [${flags}] logs what it denies: ${told === LOG}`, () => {
    using box = started({ args: ["sleep", "60"], linux: denyingMkdir(flags) });
    const { stdout, stderr } = spawnSync(metadata, [`${box.pid()}`], { encoding: "utf8" });
    assert.is(stdout, `${told}\n`, stderr);
  });
}

for (const flag of [
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
  "SECCOMP_FILTER_FLAG_LOG",
]) {
  test(`a filter with ${flag} is loaded, and filters`, () => {
    const args = ["sh", "-c", "mkdir /tmp/x 2>&1; grep Seccomp: /proc/self/status"];
    assert.match(inside(args, { linux: denyingMkdir([flag]) }), /not permitted\nSeccomp:\t2\n/);
  });
}

leavesNothing();
test.run();
