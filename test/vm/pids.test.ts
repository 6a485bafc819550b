// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { started } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { waitUntil } from "../harness/wait.ts";
import { cgroupOf, parentCgroup } from "./cgroup.ts";

/** A shell that forks far more than it may, 40 at most, and stays. */
const BURST = ["sh", "-c", "(for n in $(seq 40); do sleep 60 & done) 2>/dev/null; echo over; exec sleep 60"];

test("a burst of forks ends at pids.limit, and is counted", async () => {
  using box = started({ args: BURST, linux: { resources: { pids: { limit: 10 } } } });
  await waitUntil(() => box.printed() !== "", "the burst is over");
  const cgroup = cgroupOf(box);
  assert.ok(cgroup.number("pids.current") <= 10, cgroup.read("pids.current"));
  assert.ok(cgroup.value("pids.events", "max") > 0);
});

test("what exec starts counts, too", async () => {
  using box = started({ args: BURST, linux: { resources: { pids: { limit: 10 } } } });
  await waitUntil(() => cgroupOf(box).number("pids.current") >= 9, "the container is full");
  const { status } = box.exec("sh", "-c", "sleep 0.1 & sleep 0.1 & sleep 0.1 & wait");
  assert.is.not(status, 0);
});

test("two containers share the limit of their pod's cgroup", async () => {
  await using pod = parentCgroup("pids");
  pod.write("pids.max", "20");
  using one = started({ args: BURST, linux: { cgroupsPath: `${pod.name}/one` } });
  await waitUntil(() => one.printed() !== "", "the first burst is over");
  assert.ok(pod.number("pids.current") <= 20);
  assert.ok(pod.value("pids.events", "max") + cgroupOf(one).value("pids.events", "max") > 0);
});

test("delete --force ends a container that forks all the time", () => {
  const bomb = "fork() { while :; do sleep 0.01 & done; }; fork & fork & wait";
  using box = started({ args: ["sh", "-c", bomb], linux: { resources: { pids: { limit: 40 } } } });
  box.delete("--force");
  assert.is.not(box.call("state").status, 0);
});

leavesNothing();
test.run();
