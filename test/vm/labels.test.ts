// Runs beside other files.
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespaces } from "../harness/bundle.ts";
import { ran, started } from "../harness/container.ts";
import { freshDirectory } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { complaint, runtime, silent } from "../harness/runtime.ts";
import { hasAppArmor } from "../harness/security-modules.ts";
import { testIf } from "../harness/skip.ts";

const SLEEP = ["sleep", "60"];
const MAPPINGS = [{ containerID: 0, hostID: 100000, size: 65536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: MAPPINGS, gidMappings: MAPPINGS };

const testAppArmor = testIf(hasAppArmor, "needs a kernel with AppArmor");

// The profile of every process in a policy namespace is "unconfined" before any is loaded, which would take
// apparmor_parser(8): a name that tells which profile was applied, all the same.
const POLICY = "/sys/kernel/security/apparmor/policy/namespaces/tsrun-test";
const PROFILE = ":tsrun-test:unconfined";

test.before(() => {
  if (hasAppArmor) mkdirSync(POLICY);
});
test.after(() => {
  if (hasAppArmor) rmdirSync(POLICY);
});

/** The AppArmor profile of a process, as the host names it. */
function profileOf(pid: number): string {
  return readFileSync(`/proc/${pid}/attr/apparmor/current`, "utf8").trim();
}

for (const [where, linux] of [
  ["", {}],
  [", in a user namespace too", MAPPED],
] as const) {
  testAppArmor(`process.apparmorProfile is the process's profile${where}`, () => {
    using one = started({ args: SLEEP, process: { apparmorProfile: PROFILE }, linux });
    assert.match(profileOf(one.pid()), /^:tsrun-test:(\/\/)?unconfined/);
  });

  testAppArmor(`exec has the profile that it is given${where}`, () => {
    using one = started({ args: SLEEP, linux });
    silent(runtime(["exec", "--detach", "--apparmor", PROFILE, one.id, "sleep", "61"]));
    const pids = silent(runtime(["ps", "--format", "json", one.id])).stdout;
    const [exec = 0] = (JSON.parse(pids) as number[]).filter((pid) => pid !== one.pid()); // what ps prints
    assert.match(profileOf(exec), /^:tsrun-test:(\/\/)?unconfined/);
    assert.is(profileOf(one.pid()), "unconfined");
  });
}

testAppArmor("exec of a process from a file has the container's profile", () => {
  using one = started({ args: SLEEP, process: { apparmorProfile: PROFILE } });
  const file = join(freshDirectory("exec"), "process.json");
  writeFileSync(file, JSON.stringify({ args: ["sleep", "61"], cwd: "/", env: ["PATH=/bin"] }));
  silent(runtime(["exec", "--detach", "--process", file, one.id]));
  const pids = silent(runtime(["ps", "--format", "json", one.id])).stdout;
  const [exec = 0] = (JSON.parse(pids) as number[]).filter((pid) => pid !== one.pid()); // what ps prints
  assert.match(profileOf(exec), /^:tsrun-test:(\/\/)?unconfined/);
});

testAppArmor("exec --pid has the profile of the process that it names", () => {
  using one = started({ args: SLEEP, process: { apparmorProfile: PROFILE } });
  silent(runtime(["exec", "--detach", "--pid", String(one.pid()), "sleep", "61"]));
  const pids = silent(runtime(["ps", "--format", "json", one.id])).stdout;
  const [exec = 0] = (JSON.parse(pids) as number[]).filter((pid) => pid !== one.pid()); // what ps prints
  assert.is(profileOf(exec), profileOf(one.pid()));
});

testAppArmor("a startContainer hook has the profile of the process", () => {
  const script = "cat /proc/self/attr/apparmor/current > /seen; readlink /proc/self/ns/pid >> /seen";
  const hooks = { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin"] }] };
  using one = started({ args: SLEEP, process: { apparmorProfile: PROFILE }, hooks });
  // From inside of its policy namespace a process does not see that there are others.
  assert.match(readFileSync(`${one.bundle.rootfs}/seen`, "utf8"), /^unconfined/);
});

testAppArmor("a profile that isn't loaded is refused", () => {
  const said = complaint(ran({ args: ["true"], process: { apparmorProfile: "not-loaded" } }));
  assert.match(said, /process\.apparmorProfile \(exec not-loaded\): write: ENOENT/);
});

leavesNothing();
test.run();
