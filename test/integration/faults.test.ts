// Runs beside other files.
/** `--fault`: steps that fail on purpose. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type Patch } from "../harness/bundle.ts";
import { container, containerOf } from "../harness/container.ts";
import { testTsrun, uniqueId } from "../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../harness/leaks.ts";
import { complaint, type Outcome, runtime, silent } from "../harness/runtime.ts";

const ALLOWED = { TSRUN_FAULTS: "1" };
const HOOK = { path: "/bin/sh", args: ["sh", "-c", "true"] };

/** A run in which these faults happen. */
function runWith(
  faults: readonly string[],
  patch: Patch = {},
  env: Record<string, string> = ALLOWED,
): Outcome {
  const global = faults.flatMap((fault) => ["--fault", fault]);
  return runtime(["run", "--bundle", bundle(patch).path, uniqueId()], { global, env });
}

const said = (outcome: Outcome) => complaint(outcome).replace("tsrun: error: ", "");

testTsrun("a property's step fails as the real one would, and nothing is left", async () => {
  const nothingNew = watchLeaks();
  const said = (fault: string, patch: Patch = {}) =>
    complaint(runWith([fault], patch)).replace("tsrun: error: ", "");
  assert.is(
    said("mounts[3]=EIO"),
    'config.json: mounts[3] (tmpfs on /dev/shm): fsopen "tmpfs": EIO (input/output error)',
  );
  assert.is(
    said("mounts[3]:move_mount=ENOSPC"),
    "config.json: mounts[3] (tmpfs on /dev/shm): move_mount: ENOSPC (no space left)",
  );
  assert.match(said("linux.cgroupsPath=EACCES"), /^config\.json: linux\.cgroupsPath: .*EACCES/);
  assert.match(said("process.rlimits=EPERM"), /^config\.json: process\.rlimits\[0\]: .*EPERM/);
  assert.match(said("linux.resources.devices=EPERM"), /^config\.json: linux\.resources\.devices: bpf: EPERM/);
  assert.match(said("process.args=ENOENT"), /"true": executable file not found in \$PATH/);
  assert.match(said("process.args:execve=EACCES"), /cannot exec \S+: permission denied \(execve: EACCES\)/);
  assert.match(
    said("linux.namespaces:clone3=EAGAIN"),
    /^config\.json: linux\.namespaces: clone3: EAGAIN .*pids\.max/,
  );
  await nothingNew("of failed runs");
});

testTsrun("a step is meant by the number that --dry-run prints, too", () => {
  const { path } = bundle();
  const steps = silent(runtime(["run", "--dry-run", "--bundle", path, "x"])).stdout;
  const number = /^\$(\d+) fsopen\("proc"/m.exec(steps)?.[1];
  const fault = ["--fault", `init[${number}]=ENODEV`];
  const outcome = runtime(["run", "--bundle", path, uniqueId()], { global: fault, env: ALLOWED });
  assert.match(complaint(outcome), /mounts\[0\] \(proc on \/proc\): fsopen "proc": ENODEV/);
});

testTsrun("a tolerated errno is tolerated, and the rest of the run is as ever", () => {
  const outcome = runWith(["mounts[0]:mkdirat=EEXIST"], { args: ["echo", "ran"] });
  assert.equal([outcome.status, outcome.stdout, outcome.stderr], [0, "ran\n", ""]);
});

testTsrun("kill ends who performs the step: the init, a hook, tsrun itself", async () => {
  const nothingNew = watchLeaks();
  assert.match(said(runWith(["hostname=kill"])), /^the process was killed while it was being set up/);
  assert.match(
    said(runWith(["hooks.prestart[0]=kill"], { hooks: { prestart: [HOOK] } })),
    /hooks\.prestart\[0\]|process was killed/,
  );
  // What callers see of a program that is killed as soon as it runs.
  assert.is(runWith(["process.args:execve=kill"]).status, 137);
  using box = container();
  const global = ["--fault", "tsrun[60]=kill"];
  const { signal } = runtime(["create", "--bundle", box.bundle.path, box.id], { global, env: ALLOWED });
  assert.is(signal, "SIGKILL");
  box.delete("--force");
  await nothingNew("of killed runs");
});

testTsrun("delay holds a step up, of an agent, of a hook and of tsrun", () => {
  const took = (fault: string) => {
    const begin = performance.now();
    silent(runWith([fault], { hooks: { prestart: [HOOK] } }));
    return performance.now() - begin;
  };
  for (const place of ["hostname", "hooks.prestart[0]", "linux.cgroupsPath"])
    assert.ok(took(`${place}=delay:700ms`) > 700, place);
});

testTsrun("a hook that fails on purpose has the container go, after its poststop hooks", () => {
  const poststop = [{ path: "/bin/sh", args: ["sh", "-c", "echo undone >>undone"] }];
  const { path } = bundle({ hooks: { createRuntime: [HOOK], poststop } });
  const global = ["--fault", "hooks.createRuntime[0]:execve=ENOENT"];
  const outcome = runtime(["run", "--bundle", path, uniqueId()], { global, env: ALLOWED, cwd: path });
  assert.match(
    complaint(outcome),
    /hooks\.createRuntime\[0\] \(\/bin\/sh\): .*cannot exec the hook: no such file or directory \(execve: ENOENT\)/,
  );
});

testTsrun("an annotation does it for callers that give no flags, and later commands heed it", () => {
  const annotations = { "org.tsrun.fault": "process.args:execve=EACCES; hooks.poststart[0]=kill" };
  const failed = runWith([], { annotations });
  assert.match(complaint(failed), /process\.args\[0\]: cannot exec/);
  using box = containerOf(
    bundle({ annotations: { "org.tsrun.fault": "exec=EIO" }, args: ["sleep", "60"] }),
    uniqueId(),
  );
  box.runDetached({ env: ALLOWED });
  assert.match(
    complaint(runtime(["exec", box.id, "true"], { env: ALLOWED })),
    /^tsrun: error: exec: \S+: EIO/,
  );
  assert.match(
    complaint(runtime(["exec", box.id, "true"])),
    /annotations\["org\.tsrun\.fault"\]: .*TSRUN_FAULTS=1/,
  );
});

testTsrun("without TSRUN_FAULTS=1 there are none", () => {
  const refused = /^tsrun: error: --fault: faults are for tests: .* TSRUN_FAULTS=1 in tsrun's environment$/;
  assert.match(complaint(runWith(["mounts[3]=EIO"], {}, {})), refused);
  assert.match(complaint(runWith(["mounts[3]=EIO"], {}, { TSRUN_FAULTS: "0" })), refused);
});

testTsrun("what can't be understood, and what no step is for, is said", () => {
  assert.match(
    complaint(runWith(["mounts[3]"])),
    /"mounts\[3\]": write PLACE=WHAT, such as mounts\[3\]=EIO$/,
  );
  assert.match(complaint(runWith(["mounts[3]=EWHAT"])), /"mounts\[3\]=EWHAT": WHAT is an errno such as EIO/);
  assert.match(complaint(runWith(["mounts[3]:mont=EIO"])), /tsrun makes no system call mont/);
  const { status, stderr } = runWith(["mount[3]=EIO"]);
  assert.equal([status, stderr], [0, "tsrun: warning: --fault mount[3]=EIO: no step was for it\n"]);
});

leavesNothing();
test.run();
