// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Patch } from "../../harness/bundle.ts";
import { ran, started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, runtime } from "../../harness/runtime.ts";
import { hasAppArmor, hasSelinux } from "../../harness/security-modules.ts";
import { testIf } from "../../harness/skip.ts";

const SELINUX = "system_u:system_r:container_t:s0:c1,c2";
const testWithout = testIf(!hasSelinux && !hasAppArmor, "needs a kernel without SELinux and AppArmor");

for (const [path, module, patch] of [
  ["process.apparmorProfile", "AppArmor", { process: { apparmorProfile: "docker-default" } }],
  ["process.selinuxLabel", "SELinux", { process: { selinuxLabel: SELINUX } }],
  ["linux.mountLabel", "SELinux", { linux: { mountLabel: SELINUX } }],
] as const satisfies readonly (readonly [string, string, Patch])[]) {
  testWithout(`${path} is refused on a kernel without ${module}`, () => {
    const said = complaint(ran({ args: ["true"], ...patch }));
    assert.match(said, new RegExp(`${path.replace(".", "\\.")}: .*has no ${module}`));
  });
}

testWithout("exec refuses labels in the same way", () => {
  using one = started({ args: ["sleep", "60"] });
  for (const [flag, path] of [
    ["--apparmor", "apparmorProfile"],
    ["--process-label", "selinuxLabel"],
  ] as const)
    assert.match(
      complaint(runtime(["exec", flag, "label", one.id, "true"])),
      new RegExp(`process\\.${path}: `),
    );
});

testTsrun("empty labels are none", () => {
  const process = { apparmorProfile: "", selinuxLabel: "" };
  assert.is(ran({ args: ["true"], process, linux: { mountLabel: "" } }).status, 0);
});

leavesNothing();
test.run();
