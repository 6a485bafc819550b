// Runs beside other files.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { JsonObject } from "../harness/bundle.ts";
import { cgroup2Mount } from "../harness/cgroups.ts";
import { container, ran, started } from "../harness/container.ts";
import { freshDirectory, project, uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { command } from "../harness/mount.ts";
import { complaint } from "../harness/runtime.ts";
import { waitUntil } from "../harness/wait.ts";
import { paused } from "../unit/rootfs/pause-process.ts";
import { cgroupOf, parentCgroup } from "./cgroup.ts";
import { limitedCgroup } from "./memory-cgroup.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SLEEP = ["sleep", "60"];

/** `resources` of a memory limit, and no swap beside it. */
function within(limit: number): JsonObject {
  return { resources: { memory: { limit, swap: limit } } };
}

/** A shell that takes memory for files in its /dev/shm, says how that ended, and stays. */
function taking(mebibytes: number): string[] {
  const take = `dd if=/dev/zero of=/dev/shm/taken bs=1M count=${mebibytes} 2>/dev/null`;
  return ["sh", "-c", `${take}; echo "ended with $?"; exec sleep 60`];
}

// Little (the least: memory-least.test.ts)

test("busybox's true runs within 512 KiB", () => {
  assert.is(ran({ args: ["/bin/true"], linux: within(512 * KIB) }).status, 0);
});

test("pause starts within 512 KiB", () => {
  using box = started({ args: ["/pause"], linux: within(512 * KIB) }, "pause");
  assert.is(box.state().status, "running");
});

test("pause itself lives and ends in a cgroup of 100 KB", async () => {
  await using cgroup = limitedCgroup(cgroup2Mount(), uniqueId(), 100 * 1000);
  const pause = join(project, "build/rootfs/pause/pause");
  const enter = `echo $$ > ${cgroup.path}/cgroup.procs; exec "$@"`;
  using one = await paused(["sh", "-c", enter, "sh", pause]);
  one.signal("SIGTERM");
  assert.is((await one.ended()).status, 0);
});

// Too little

test("a process that takes more than the limit is killed, and counted", async () => {
  using box = started({ args: taking(32), linux: within(16 * MIB) });
  await waitUntil(() => box.printed() !== "", "the process was killed");
  assert.is(box.printed(), "ended with 137\n");
  assert.is(cgroupOf(box).value("memory.events", "oom_kill"), 1);
});

test("with memory.oom.group the whole container goes", async () => {
  const linux = {
    resources: { memory: { limit: 16 * MIB, swap: 16 * MIB }, unified: { "memory.oom.group": "1" } },
  };
  using box = started({ args: taking(32), linux });
  await box.until("stopped");
  assert.is(box.printed(), "");
});

test("a limit too small for the init to be set up is an error that says so", () => {
  using box = container({ linux: within(8 * KIB) });
  assert.match(complaint(box.call("create", "--bundle", box.bundle.path)), /memory/);
  assert.is.not(box.call("state").status, 0);
});

// Swap, and protection

/** The machine's second disk as swap. */
function swap(): Disposable {
  command("mkswap", "/dev/vdb");
  command("swapon", "/dev/vdb");
  return { [Symbol.dispose]: () => void command("swapoff", "/dev/vdb") };
}

test("with swap a container takes more than its memory limit; without, it is killed", async () => {
  using _ = swap();
  const some = { resources: { memory: { limit: 16 * MIB, swap: 64 * MIB } } };
  using box = started({ args: taking(32), linux: some });
  using poor = started({ args: taking(32), linux: within(16 * MIB) });
  await waitUntil(() => box.printed() !== "" && poor.printed() !== "", "both have tried");
  assert.is(box.printed(), "ended with 0\n");
  assert.is(poor.printed(), "ended with 137\n");
  assert.ok(cgroupOf(box).number("memory.swap.current") >= 15 * MIB);
  assert.is(cgroupOf(poor).number("memory.swap.current"), 0);
});

test("unified limits swap, protects memory and slows its growth", () => {
  const unified = {
    "memory.swap.max": `${8 * MIB}`,
    "memory.min": `${MIB}`,
    "memory.low": `${2 * MIB}`,
    "memory.high": `${4 * MIB}`,
  };
  using box = started({ args: SLEEP, linux: { resources: { unified } } });
  const cgroup = cgroupOf(box);
  for (const [file, value] of Object.entries(unified)) assert.is(cgroup.read(file), value, file);
});

test("a container above memory.high goes on, slowly", async () => {
  const resources = { memory: { limit: 64 * MIB }, unified: { "memory.high": `${16 * MIB}` } };
  using box = started({ args: taking(17), linux: { resources } });
  await waitUntil(() => cgroupOf(box).value("memory.events", "high") > 0, "memory.high was reached");
  assert.is(cgroupOf(box).value("memory.events", "oom_kill"), 0);
});

test("checkBeforeUpdate refuses a limit below what is in use, and without it the process is killed", async () => {
  using box = started({ args: SLEEP, linux: { resources: { memory: { limit: 64 * MIB } } } });
  const update = (changes: JsonObject) => {
    const file = join(freshDirectory("update"), "resources.json");
    writeFileSync(file, JSON.stringify({ memory: { limit: 4096, ...changes } }));
    return box.call("update", "--resources", file);
  };
  assert.match(complaint(update({ checkBeforeUpdate: true })), /resources\.json: memory\.limit: /);
  assert.is(box.state().status, "running");
  update({ checkBeforeUpdate: false });
  await box.until("stopped");
});

// Pods

test("the limit of a pod's cgroup holds for a container in it that has none", async () => {
  await using pod = parentCgroup("memory");
  pod.write("memory.max", `${16 * MIB}`);
  pod.write("memory.swap.max", "0");
  using box = started({ args: taking(32), linux: { cgroupsPath: `${pod.name}/box` } });
  await waitUntil(() => box.printed() !== "", "the process was killed");
  assert.is(box.printed(), "ended with 137\n");
  assert.is(pod.value("memory.events", "oom_kill"), 1);
});

leavesNothing();
test.run();
