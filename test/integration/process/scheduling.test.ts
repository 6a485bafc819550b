// Runs beside other files.
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, getPriority } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, type JsonObject, namespaces } from "../../harness/bundle.ts";
import { container, inside, ran, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { type Call, complaint, type Outcome, runtime, succeeded } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";

const SLEEP = ["sleep", "60"];
/** Prints its nice value, real-time priority and policy (proc_pid_stat(5)). */
const SCHEDULED = ["cut", "-d", " ", "-f", "19,40,41", "/proc/self/stat"];

/** The caller's, which policies that have no use for it leave as it is. */
const NICE = getPriority();

/** What a process with this scheduler finds itself to have. */
function scheduled(scheduler: JsonObject, linux: JsonObject = {}): string {
  return inside(SCHEDULED, { process: { scheduler }, linux }).trim();
}

/** `exec --process FILE` in a container. */
function execProcess(id: string, changes: JsonObject, call: Call = {}): Outcome {
  const file = join(freshDirectory("process"), "process.json");
  writeFileSync(file, JSON.stringify({ args: ["true"], env: ["PATH=/bin"], cwd: "/", ...changes }));
  return runtime(["exec", "--process", file, id], call);
}

// scheduler: runc 1.1 has none of it

for (const [scheduler, seen] of [
  [{ policy: "SCHED_OTHER", nice: 5 }, "5 0 0"],
  [{ policy: "SCHED_FIFO", priority: 7 }, `${NICE} 7 1`],
  [{ policy: "SCHED_RR", priority: 99 }, `${NICE} 99 2`],
  [{ policy: "SCHED_BATCH", nice: -3 }, "-3 0 3"],
  [{ policy: "SCHED_IDLE" }, `${NICE} 0 5`],
] as const) {
  testTsrun(`${JSON.stringify(scheduler)} is what the process finds: ${seen}`, () => {
    assert.is(scheduled(scheduler), seen);
  });
}

testTsrun("what the container's root may not set itself is set in a user namespace too", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  assert.is(scheduled({ policy: "SCHED_FIFO", priority: 2 }, linux), `${NICE} 2 1`);
});

testTsrun("SCHED_DEADLINE has its runtime, deadline and period", () => {
  const scheduler = { policy: "SCHED_DEADLINE", runtime: 1_000_000, deadline: 5_000_000, period: 10_000_000 };
  using one = started({ args: SLEEP, process: { scheduler } });
  const { stdout } = Bun.spawnSync(["chrt", "-p", String(one.pid())]);
  assert.match(stdout.toString(), /runtime\/deadline\/period parameters: 1000000\/5000000\/10000000\n/);
});

testTsrun("SCHED_FLAG_RESET_ON_FORK spares the children", () => {
  const scheduler = { policy: "SCHED_FIFO", priority: 3, flags: ["SCHED_FLAG_RESET_ON_FORK"] };
  const script = "read -r line < /proc/self/stat; echo $line; cat /proc/self/stat; true";
  const [own, child] = inside(["sh", "-c", script], { process: { scheduler } }).trim().split("\n");
  const policy = (line = "") => line.split(" ")[40];
  assert.equal([policy(own), policy(child)], ["1", "0"]);
});

testTsrun("a policy that the kernel lacks is refused", () => {
  const said = complaint(ran({ args: ["true"], process: { scheduler: { policy: "SCHED_ISO" } } }));
  assert.match(said, /process\.scheduler: cannot set SCHED_ISO: sched_setattr: EINVAL/);
});

// ioPriority

for (const [ioClass, priority, seen] of [
  ["IOPRIO_CLASS_RT", 2, "realtime: prio 2"],
  ["IOPRIO_CLASS_BE", 7, "best-effort: prio 7"],
  ["IOPRIO_CLASS_IDLE", 0, "idle"],
] as const) {
  testTsrun(`${ioClass} is what ionice finds`, () => {
    const args = ["sh", "-c", "ionice -p $$"];
    const process = { ioPriority: { class: ioClass, priority }, capabilities: capabilities([]) };
    assert.ok(inside(args, { process }).startsWith(seen), inside(args, { process }));
  });
}

// exec

testTsrun("an exec without a process of its own has the container's scheduler and I/O priority", () => {
  const own = {
    scheduler: { policy: "SCHED_RR", priority: 4 },
    ioPriority: { class: "IOPRIO_CLASS_BE", priority: 1 },
  };
  using one = started({ args: SLEEP, process: own });
  assert.is(succeeded(one.exec(...SCHEDULED)).stdout, `${NICE} 4 2\n`);
  assert.is(succeeded(one.exec("sh", "-c", "ionice -p $$")).stdout, "best-effort: prio 1\n");
});

const AFFINITY = ["sh", "-c", "grep Cpus_allowed_list /proc/self/status"];
const testTwo = testIf(availableParallelism() >= 2, "needs two CPUs");

testTwo("execCPUAffinity.final is where an exec'd process runs", () => {
  using one = started({ args: SLEEP });
  for (const final of ["0", "1"]) {
    const { stdout } = succeeded(
      execProcess(one.id, { args: AFFINITY, execCPUAffinity: { initial: "0", final } }),
    );
    assert.match(stdout, new RegExp(`:\t${final}\n`));
  }
});

testTwo("without execCPUAffinity.final it stays where initial has put it", () => {
  using one = started({ args: SLEEP });
  for (const execCPUAffinity of [{ initial: "1" }, { initial: "1", final: "" }]) {
    const { stdout } = succeeded(execProcess(one.id, { args: AFFINITY, execCPUAffinity }));
    assert.match(stdout, /:\t1\n/);
  }
});

testTwo("without any it runs on all CPUs of the cgroup, as the container does, whatever the caller's", () => {
  const all = /^Cpus_allowed_list:.*$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[0];
  const through = ["taskset", "-c", "0"];
  using one = container({ args: SLEEP, process: { execCPUAffinity: { initial: "0" } } });
  one.runDetached({ through });
  assert.ok(readFileSync(`/proc/${one.pid()}/status`, "utf8").includes(`${all}\n`));
  for (const execCPUAffinity of [{}, { initial: "", final: "" }])
    assert.is(
      succeeded(execProcess(one.id, { args: AFFINITY, execCPUAffinity }, { through })).stdout,
      `${all}\n`,
    );
});

testTsrun("execCPUAffinity of a CPU that isn't there is refused", () => {
  using one = started({ args: SLEEP });
  for (const name of ["initial", "final"]) {
    const said = complaint(execProcess(one.id, { execCPUAffinity: { [name]: "4000" } }));
    assert.match(said, new RegExp(`process\\.execCPUAffinity\\.${name}: .*EINVAL`));
  }
  assert.is(one.state().status, "running");
});

leavesNothing();
test.run();
