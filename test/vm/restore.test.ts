// Runs beside other files.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../harness/bundle.ts";
import { container, containerOf, started } from "../harness/container.ts";
import { freshDirectory, uniqueId } from "../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../harness/leaks.ts";
import { complaint, refusal, runtime, silent, startRuntime } from "../harness/runtime.ts";
import { waitUntil } from "../harness/wait.ts";
import { COUNT, counting, imageDirectory, restore, restored, saved, testCriu } from "./checkpoint.ts";

/** Callers' pipes, where this one's are sockets. Not by cat: a sendfile(2) that waits holds its pipe's lock. */
const piped = { through: ["sh", "-c", 'while read -r line; do echo "$line"; done | { "$@"; }', "sh"] };

testCriu("a restore in the foreground has the container's streams, and ends with it", async () => {
  const { path, rootfs } = bundle({ args: ["sh", "-c", "> /tmp/begun; read line; echo got $line; exit 7"] });
  const id = uniqueId();
  await using first = startRuntime(["run", "--bundle", path, id], piped);
  await waitUntil(() => existsSync(join(rootfs, "tmp/begun")), "it has begun");
  const images = imageDirectory();
  silent(runtime(["checkpoint", "--image-path", images, id]));
  first.child.stdin?.end(); // the other end of the pipe waits for it
  await first.ended();
  await using second = startRuntime(["restore", "--image-path", images, "--bundle", path, id], piped);
  await waitUntil(() => runtime(["state", id]).stdout.includes('"running"'), "it runs again");
  second.child.stdin?.end("this\n");
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
