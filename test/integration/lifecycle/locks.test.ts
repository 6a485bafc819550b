// Runs beside other files.
// Commands that change a container wait for one another.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { type Container, created, started } from "../../harness/container.ts";
import { stateRoot, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { startRuntime } from "../../harness/runtime.ts";

/** Has somebody else keep a container's lock (flock(2) of its state directory), until it is disposed of. */
async function locked({ id }: Container): Promise<AsyncDisposable> {
  const child = spawn("flock", [join(stateRoot, id), "sh", "-c", "echo held; read end"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return {
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

const SLEEP = ["sleep", "60"];
const cgroupFile = (box: Container, file: string) => join(cgroup2Of(box.pid()), file);
const reading = (file: string) => (box: Container) => readFileSync(cgroupFile(box, file), "utf8").trim();

for (const { verb, flags = [], make = () => started({ args: SLEEP }), seen, before, after } of [
  { verb: "pause", seen: reading("cgroup.freeze"), before: "0", after: "1" },
  { verb: "resume", make: paused, seen: reading("cgroup.freeze"), before: "1", after: "0" },
  {
    verb: "update",
    flags: ["--resources", "-"],
    seen: reading("cgroup.max.depth"),
    before: "max",
    after: "7",
  },
  {
    verb: "start",
    make: () => created({ args: SLEEP }),
    seen: (box: Container) => box.state().status,
    before: "created",
    after: "running",
  },
]) {
  testTsrun(
    `${verb} does nothing to a container that another command works on, and does it then`,
    async () => {
      using box = make();
      await using held = await locked(box);
      await using call = startRuntime([verb, ...flags, box.id]);
      call.child.stdin?.end('{"unified": {"cgroup.max.depth": "7"}}');
      await Bun.sleep(400);
      assert.equal([call.child.exitCode, seen(box)], [null, before]);
      await held[Symbol.asyncDispose]();
      const { status, stderr } = await call.ended();
      assert.equal([status, stderr], [0, ""]);
      assert.is(seen(box), after);
    },
  );
}

function paused(): Container {
  const box = started({ args: SLEEP });
  writeFileSync(cgroupFile(box, "cgroup.freeze"), "1");
  return box;
}

testTsrun("delete lets another command end its work on a container first", async () => {
  using box = started({ args: SLEEP });
  box.kill("KILL");
  await box.until("stopped");
  await using held = await locked(box);
  await using call = startRuntime(["delete", box.id]);
  await Bun.sleep(400);
  assert.equal([call.child.exitCode, box.state().status], [null, "stopped"]);
  await held[Symbol.asyncDispose]();
  assert.is((await call.ended()).status, 0);
});

leavesNothing();
test.run();
