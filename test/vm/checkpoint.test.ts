// Runs beside other files.
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../harness/bundle.ts";
import { cgroup2Of } from "../harness/cgroups.ts";
import { compiled } from "../harness/compile.ts";
import { containerOf } from "../harness/container.ts";
import { uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { complaint, runtime, silent, succeeded } from "../harness/runtime.ts";
import { waitUntil } from "../harness/wait.ts";
import {
  COUNT,
  checkpoint,
  counted,
  counting,
  imageDirectory,
  restore,
  restored,
  saved,
  testCriu,
} from "./checkpoint.ts";

const lock = compiled("test/vm/checkpoint/lock.c");

testCriu("a container goes on where its checkpoint was, under another id", async () => {
  using before = await counting({ hostname: "kept" });
  const images = saved(before);
  assert.match(complaint(before.call("state")), /does not exist/);
  using after = restored(before, images);
  const reached = counted(after);
  assert.is(after.state().status, "running");
  assert.is(after.exec("hostname").stdout, "kept\n");
  assert.ok(reached >= 3, "it has not begun anew");
  await waitUntil(() => counted(after) > reached, "it counts on");
});

testCriu("it may have the same id again, and the limits of the bundle hold for it", async () => {
  const limited = { resources: { memory: { limit: 64 * 1024 * 1024 }, pids: { limit: 77 } } };
  using box = await counting({ linux: limited });
  silent(restore(box, saved(box)));
  const cgroup = cgroup2Of(box.pid());
  assert.match(cgroup, new RegExp(`${box.id}$`));
  assert.is(readFileSync(join(cgroup, "memory.max"), "utf8"), `${64 * 1024 * 1024}\n`);
  assert.is(readFileSync(join(cgroup, "pids.max"), "utf8"), "77\n");
  const pids = JSON.parse(succeeded(runtime(["ps", "--format", "json", box.id])).stdout) as number[];
  assert.is(pids[0], box.pid());
});

testCriu("--leave-running leaves it running, and what was saved can be restored beside it", async () => {
  using box = await counting();
  const images = saved(box, "--leave-running");
  const reached = counted(box);
  await waitUntil(() => counted(box) > reached, "it counts on");
  using second = restored(box, images);
  await waitUntil(() => counted(second) >= 3, "the second counts, too");
  assert.is(box.state().status, "running");
});

testCriu("a restored container goes on printing to the file that --output names", async () => {
  const output = join(imageDirectory(), "output");
  const lines = () => readIfThere(output).split("\n").length;
  const made = bundle({ args: ["sh", "-c", "while :; do echo tick; sleep 0.1; done"] });
  using box = containerOf(made, uniqueId());
  silent(runtime(["run", "--detach", "--output", output, "--bundle", made.path, box.id]));
  await waitUntil(() => lines() > 3, "it prints");
  const images = saved(box);
  const printed = lines();
  using after = restored(box, images, "--output", output);
  await waitUntil(() => lines() > printed, "it prints on");
  assert.match(silent(after.call("logs")).stdout, /^(tick\n)+$/);
});

testCriu("a paused container is saved as it is", async () => {
  using box = await counting();
  silent(runtime(["pause", box.id]));
  using after = restored(box, saved(box));
  assert.is(after.state().status, "running");
});

testCriu("a shell that has put its own file in its output's place gets its caller's back", async () => {
  const args = ["sh", "-c", `exec 5>&1 > /tmp/own; ${COUNT[2]}`];
  using box = await counting({ args });
  using after = restored(box, saved(box));
  await waitUntil(() => counted(after) >= 3, "it counts on");
  using again = restored(after, saved(after));
  await waitUntil(() => counted(again) >= 3, "it counts on once more");
});

testCriu("a checkpoint that criu refuses leaves the container as it was", async () => {
  const made = bundle({ args: ["sh", "-c", "lock /tmp/file > /tmp/said"] });
  copyFileSync(lock, join(made.rootfs, "bin/lock"));
  using box = containerOf(made, uniqueId());
  box.create();
  box.start();
  await waitUntil(() => readIfThere(join(made.rootfs, "tmp/said")) === "held\n", "it holds its lock");
  const images = imageDirectory();
  const said = complaint(checkpoint(box, images));
  assert.match(said, /cannot checkpoint container .*: criu: .*lock.*; see .*\/dump\.log$/);
  assert.is(box.state().status, "running");
  silent(checkpoint(box, images, "--file-locks"));
  using after = restored(box, images, "--file-locks");
  assert.match(after.exec("lock", "/tmp/file").stderr, /lock: Resource temporarily unavailable/);
});

function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

leavesNothing();
test.run();
