// Runs beside other files.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespaces } from "../harness/bundle.ts";
import { type Container, started } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { lives } from "../harness/processes.ts";
import { complaint } from "../harness/runtime.ts";
import { waitUntil } from "../harness/wait.ts";
import { cgroupOf } from "./cgroup.ts";

const COUNT = ["sh", "-c", "while :; do echo tick; sleep 0.05; done"];

/** Freezes a container as an administrator may, behind tsrun's back. */
async function freeze(box: Container): Promise<void> {
  const cgroup = cgroupOf(box);
  cgroup.write("cgroup.freeze", "1");
  await waitUntil(() => cgroup.value("cgroup.events", "frozen") === 1, "the container is frozen");
}

test("a frozen container stands still, and goes on when thawed", async () => {
  using box = started({ args: COUNT });
  await waitUntil(() => box.printed() !== "", "it ticks");
  await freeze(box);
  const before = box.printed();
  await Bun.sleep(300);
  assert.is(box.printed(), before);
  cgroupOf(box).write("cgroup.freeze", "0");
  await waitUntil(() => box.printed() !== before, "it ticks again");
});

test("exec into a frozen container is refused and doesn't hang", async () => {
  using box = started({ args: COUNT });
  await freeze(box);
  assert.match(complaint(box.exec("true")), /paused/);
});

test("a frozen container can be killed", async () => {
  using box = started({ args: COUNT });
  await freeze(box);
  box.kill("KILL");
  await box.until("stopped");
});

test("delete --force removes a frozen container", async () => {
  using box = started({ args: COUNT });
  await freeze(box);
  box.delete("--force");
});

test("SIGKILL reaches every process of a container without a PID namespace, nested cgroups and all", async () => {
  const args = [
    "sh",
    "-c",
    "mkdir /sys/fs/cgroup/inner; sleep 60 & echo $! > /sys/fs/cgroup/inner/cgroup.procs; exec sleep 61",
  ];
  const mounts = [
    { destination: "/proc", type: "proc" },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" },
  ];
  using box = started({ args, mounts, linux: { namespaces: namespaces({ pid: false, cgroup: true }) } });
  const cgroup = cgroupOf(box);
  const inner = () =>
    existsSync(join(cgroup.path, "inner")) ? cgroup.words("inner/cgroup.procs").map(Number) : [];
  await waitUntil(() => inner().length === 1, "the nested cgroup has a process");
  const pids = [box.pid(), ...inner()];
  box.kill("KILL");
  await waitUntil(() => !pids.some(lives), "all have ended");
});

leavesNothing();
test.run();
