// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { JsonObject } from "../harness/bundle.ts";
import { bundle } from "../harness/bundle.ts";
import { containerOf, ran, started } from "../harness/container.ts";
import { uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { measured } from "../harness/measured.ts";
import { command } from "../harness/mount.ts";
import { runtime } from "../harness/runtime.ts";
import { waitUntil } from "../harness/wait.ts";
import { cgroupOf, parentCgroup } from "./cgroup.ts";

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

// The least

test("busybox's true runs within 1 MiB", () => {
  assert.is(ran({ args: ["/bin/true"], linux: within(MIB) }).status, 0);
});

test("pause waits, and is started, within 100 kB", () => {
  using box = started({ args: ["/pause"], linux: within(100_000) }, "pause");
  assert.is(box.state().status, "running");
  assert.is(cgroupOf(box).value("memory.events", "oom_kill"), 0);
  measured("memory that pause takes, once started", `${cgroupOf(box).number("memory.current") / KIB} KiB`);
});

/** The least limit, to a page, under which `works`. */
function least(works: (limit: number) => boolean): number {
  let [tooLittle, enough] = [0, MIB];
  while (enough - tooLittle > 4 * KIB) {
    const middle = (tooLittle + enough) / 2;
    if (works(middle)) enough = middle;
    else tooLittle = middle;
  }
  return enough;
}

test("busybox's true runs within 512 KiB", () => {
  const limit = least((most) => ran({ args: ["/bin/true"], linux: within(most) }).status === 0);
  measured("least memory.max that busybox's true runs in", `${limit / KIB} KiB`);
  assert.ok(limit <= 512 * KIB, `${limit}`);
});

test("pause starts within less than 100 kB", () => {
  const starts = (limit: number): boolean => {
    const made = bundle({ args: ["/pause"], linux: within(limit) }, "pause");
    using box = containerOf(made, uniqueId());
    const ready =
      runtime(["create", "--bundle", made.path, box.id]).status === 0 && box.call("start").status === 0;
    return ready && box.state().status === "running";
  };
  const limit = least(starts);
  measured("least memory.max that pause starts in", `${limit / KIB} KiB`);
  assert.ok(limit <= 100_000, `${limit}`);
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
  const made = bundle({ linux: within(8 * KIB) });
  using box = containerOf(made, uniqueId());
  const { status, stderr } = runtime(["create", "--bundle", made.path, box.id]);
  assert.is.not(status, 0);
  assert.match(stderr, /memory/);
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
