// Runs beside other files.
// Profiles that would stop the runtime itself.
import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type JsonObject } from "../../harness/bundle.ts";
import { canCompile } from "../../harness/compile.ts";
import { container, containerOf, ran, ranIn } from "../../harness/container.ts";
import { testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { complaint } from "../../harness/runtime.ts";
import { allowing, denying, numberOf, probing, SIGSYS, testNarrow } from "./profiles.ts";

for (const action of ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"]) {
  testTsrun(`${action} for what the runtime itself uses does not hinder a container`, async () => {
    const names = [
      "futex",
      "close_range",
      "prctl",
      "capset",
      "munmap",
      "madvise",
      "setresuid",
      "chdir",
      "openat2",
    ];
    const made = canCompile
      ? probing([numberOf("getpid")], denying(names, { action }))
      : bundle({ args: ["true"], linux: { seccomp: denying(["close_range", "openat2"], { action }) } });
    for (const noNewPrivileges of [true, false]) {
      const process = { ...(made.config["process"] as JsonObject), noNewPrivileges };
      writeFileSync(join(made.path, "config.json"), JSON.stringify({ ...made.config, process }));
      using box = containerOf(made, uniqueId());
      box.create();
      box.start();
      await box.until("stopped");
      assert.is(box.printed(), canCompile ? "1\n" : "");
    }
  });
}

testTsrun("a profile that denies execve is refused, and nothing is left", async () => {
  const left = watchLeaks();
  for (const action of ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"]) {
    const said = complaint(ran({ args: ["true"], linux: { seccomp: denying(["execve"], { action }) } }));
    assert.match(said, /config\.json: linux\.seccomp: .*execve/, action);
  }
  await left("of a refused create");
});

testNarrow("a program that may do nothing but be executed ends, and says how", () => {
  const kill = { ...allowing(["execve"]), defaultAction: "SCMP_ACT_KILL_PROCESS" };
  const { status, stdout } = ranIn(probing([numberOf("getpid")], kill).path);
  assert.is(stdout, "");
  assert.is(status, 128 + SIGSYS);
});

testTsrun("a program that vanishes between create and start is told, though futex is denied", () => {
  const seccomp = denying(["futex"]);
  using box = container({ args: ["/tool"], linux: { seccomp } });
  copyFileSync(join(box.bundle.rootfs, "bin/busybox"), join(box.bundle.rootfs, "tool"));
  box.create();
  rmSync(join(box.bundle.rootfs, "tool"));
  assert.match(
    complaint(box.call("start")),
    /cannot exec \/tool: no such file or directory \(execve: ENOENT\)/,
  );
});

leavesNothing();
test.run();
