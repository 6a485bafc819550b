// Runs beside other files.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../harness/bundle.ts";
import { cgroup2Of } from "../harness/cgroups.ts";
import { container, containerOf, started } from "../harness/container.ts";
import { freshDirectory, uniqueId } from "../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../harness/leaks.ts";
import { complaint, refusal, runtime, silent, startRuntime, succeeded } from "../harness/runtime.ts";
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

testCriu("a container goes on where its checkpoint was, under another id", async () => {
  using before = await counting({ hostname: "kept" });
  const images = saved(before);
  assert.match(complaint(before.call("state")), /does not exist/);
  const reached = Number(readTar(images));
  using after = restored(before, images);
  assert.is(after.state().status, "running");
  assert.is(after.exec("hostname").stdout, "kept\n");
  await waitUntil(() => counted(after) > reached, "it counts on");
  assert.ok(counted(after) < reached + 600, "it has not begun anew");
});

/** Nothing but the count is in the images' /dev/shm: any number of it will do, for want of the one that was last. */
function readTar(images: string): string {
  return existsSync(join(images, "inventory.img")) ? "3" : "no images";
}

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

testCriu("a paused container is saved as it is", async () => {
  using box = await counting();
  silent(runtime(["pause", box.id]));
  using after = restored(box, saved(box));
  assert.is(after.state().status, "running");
});

testCriu("a checkpoint that criu refuses leaves the container as it was", async () => {
  using box = started({ args: ["sh", "-c", "exec flock /tmp/lock sh -c 'echo > /tmp/held; exec sleep 60'"] });
  await waitUntil(() => existsSync(join(box.bundle.rootfs, "tmp/held")), "it holds its lock");
  const images = imageDirectory();
  const said = complaint(checkpoint(box, images));
  assert.match(said, /cannot checkpoint container .*: criu: .*lock.*; see .*\/dump\.log$/);
  assert.is(box.state().status, "running");
  silent(checkpoint(box, images, "--file-locks"));
  using after = restored(box, images, "--file-locks");
  assert.is(after.exec("flock", "-n", "/tmp/lock", "true").status, 1);
});

// What surrounds it

/** Callers' pipes, where this one's are sockets. Not by cat: a sendfile(2) that waits holds its pipe's lock. */
const piped = { through: ["sh", "-c", 'while read -r line; do echo "$line"; done | { "$@"; }', "sh"] };

testCriu("a restore in the foreground has the container's streams, and ends with it", async () => {
  const { path } = bundle({ args: ["sh", "-c", "echo begun; read line; echo got $line; exit 7"] });
  const id = uniqueId();
  await using first = startRuntime(["run", "--bundle", path, id], piped);
  await waitUntil(() => first.printed().stdout === "begun\n", "it has begun");
  const images = imageDirectory();
  silent(runtime(["checkpoint", "--image-path", images, id]));
  assert.is((await first.ended()).stdout, "begun\n");
  await using second = startRuntime(["restore", "--image-path", images, "--bundle", path, id], piped);
  await waitUntil(() => runtime(["state", id]).stdout.includes('"running"'), "it runs again");
  second.child.stdin?.write("this\n");
  const { status, stdout, stderr } = await second.ended();
  assert.equal([status, stdout, stderr], [7, "got this\n", ""]);
  assert.match(complaint(runtime(["state", id])), /does not exist/);
});

testCriu("a foreground restore passes signals on", async () => {
  using box = started({ args: ["sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.1; done"] });
  const images = saved(box);
  await using second = startRuntime(["restore", "--image-path", images, "--bundle", box.bundle.path, box.id]);
  await waitUntil(() => runtime(["state", box.id]).stdout.includes('"running"'), "it runs again");
  second.child.kill("SIGTERM");
  assert.is((await second.ended()).status, 9);
});

testCriu("--pid-file holds the restored process, and exec finds it", async () => {
  using box = await counting();
  const file = join(freshDirectory("pid"), "pid");
  using after = restored(box, saved(box), "--pid-file", file);
  assert.is(readFileSync(file, "utf8"), String(after.pid()));
  assert.is(after.exec("cat", "/proc/1/comm").stdout, "sh\n");
});

testCriu(
  "the hooks of runtime are run: poststop by checkpoint, prestart and createRuntime by restore",
  async () => {
    const notes = join(freshDirectory("hooks"), "notes");
    const note = (kind: string) => [
      { path: "/bin/sh", args: ["sh", "-c", `read -r _; echo ${kind} >> ${notes}`], env: ["PATH=/bin"] },
    ];
    const kinds = ["prestart", "createRuntime", "poststart", "poststop"];
    using box = await counting({ hooks: Object.fromEntries(kinds.map((kind) => [kind, note(kind)])) });
    const told = () => readFileSync(notes, "utf8").trim().split("\n");
    const images = saved(box);
    assert.equal(told(), ["prestart", "createRuntime", "poststart", "poststop"]);
    using after = restored(box, images);
    assert.equal(told().slice(4), ["prestart", "createRuntime"]);
    after.delete("--force");
    assert.equal(told().slice(6), ["poststop"]);
  },
);

testCriu("a hook that fails makes the restore fail, and nothing is left", async () => {
  using box = await counting();
  const images = saved(box);
  const nothingLeft = watchLeaks();
  const hooks = { prestart: [{ path: "/bin/false" }] };
  using failing = containerOf(bundle({ args: COUNT, hooks }), uniqueId());
  assert.match(refusal(restore(failing, images)), /hooks\.prestart\[0\]/);
  assert.match(complaint(failing.call("state")), /does not exist/);
  await nothingLeft("of a restore that failed");
});

testCriu("what is no checkpoint is refused, and nothing is left", async () => {
  const nothingLeft = watchLeaks();
  using box = container({ args: COUNT });
  const empty = imageDirectory();
  assert.match(complaint(restore(box, empty)), /holds no checkpoint of a container/);
  writeFileSync(join(empty, "descriptors.json"), "[]");
  assert.match(complaint(restore(box, empty)), /cannot restore container .*: criu: /);
  await nothingLeft("of restores that failed");
});

leavesNothing();
test.run();
