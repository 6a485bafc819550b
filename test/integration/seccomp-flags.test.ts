// Runs beside other files.
// What the flags of a seccomp filter do is seen in the kernel's log and in the listener's hands.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../harness/bundle.ts";
import { ranIn } from "../harness/container.ts";
import { uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { succeeded } from "../harness/runtime.ts";
import { testIf } from "../harness/skip.ts";

const log = () => spawnSync("dmesg", { encoding: "utf8" }).stdout;

const logged = readFileSync("/proc/sys/kernel/seccomp/actions_logged", "utf8").split(/\s/);
const testLogged = testIf(
  logged.includes("errno") && /audit: /.test(log()),
  "needs a kernel whose audit records are in its log",
);

/** The kernel leaves records out when there are many at a time. */
const TRIES = 5;

/** Whether the log has a record of a call that a filter with these flags denied. */
async function denialIsLogged(flags: readonly string[]): Promise<boolean> {
  for (let tried = 0; tried < TRIES; tried++) {
    const name = basename(uniqueId()).slice(-15); // as much as the kernel keeps of a program's name
    const { path, rootfs } = bundle({
      args: [`/bin/${name}`],
      linux: {
        seccomp: {
          defaultAction: "SCMP_ACT_ALLOW",
          flags,
          syscalls: [{ names: ["umask"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
        },
      },
    });
    writeFileSync(join(rootfs, "bin", name), "#!/bin/sh\numask 077\necho ran\n", { mode: 0o755 });
    assert.is(succeeded(ranIn(path)).stdout, "ran\n");
    const records = log().split("\n");
    if (records.some((record) => record.includes("type=1326") && record.includes(`comm="${name}"`)))
      return true;
    await Bun.sleep(500);
  }
  return false;
}

testLogged("with SECCOMP_FILTER_FLAG_LOG the kernel's log tells of a denied call", async () => {
  assert.ok(await denialIsLogged(["SECCOMP_FILTER_FLAG_LOG"]));
});

testLogged("without it the log says nothing", async () => {
  assert.not(await denialIsLogged([]));
});

for (const flags of [["SECCOMP_FILTER_FLAG_TSYNC"], ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]]) {
  test(`a filter with ${flags[0]} is loaded, and filters`, () => {
    const { path } = bundle({
      args: ["sh", "-c", "mkdir /tmp/x 2>&1; grep Seccomp: /proc/self/status"],
      linux: {
        seccomp: {
          defaultAction: "SCMP_ACT_ALLOW",
          flags,
          syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
        },
      },
    });
    assert.match(succeeded(ranIn(path)).stdout, /not permitted\nSeccomp:\t2\n/);
  });
}

leavesNothing();
test.run();
