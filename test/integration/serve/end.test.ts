// Runs beside other files.
/** What goes on when a tsrun server ends, as it does when it is idle, stopped or replaced. */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { container } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { type Running, startRuntime } from "../../harness/runtime.ts";
import { slowness } from "../../harness/slowness.ts";
import { waitUntil } from "../../harness/wait.ts";
import { type Serving, serving } from "./serving.ts";

/** Ends by itself, with status 7, once the file is there. */
const waiter = () => container({ args: ["sh", "-c", "until [ -e /go ]; do sleep 0.1; done; exit 7"] });
type Box = ReturnType<typeof waiter>;
const letGo = ({ bundle }: Box) => writeFileSync(join(bundle.rootfs, "go"), "");

async function inForeground(box: Box, { call, served }: Serving): Promise<Running> {
  const running = startRuntime(["run", "--bundle", box.bundle.path, box.id], call);
  await waitUntil(() => box.call("state").stdout.includes('"running"'), "it runs");
  assert.is(served(), 0, "the command goes on");
  return running;
}

testTsrun(
  "a server has started itself again without its engine's last compiler, in the same process",
  async () => {
    await using server = await serving();
    assert.is(server.status().pid, server.pid);
    assert.match(readFileSync(`/proc/${server.pid}/environ`, "utf8"), /(^|\0)BUN_JSC_useFTLJIT=0(\0|$)/);
  },
);

for (const signal of ["SIGTERM", "SIGKILL"] as const)
  testTsrun(
    `a container in the foreground goes on after the server's ${signal}, and its status is told`,
    async () => {
      await using server = await serving();
      using box = waiter();
      await using call = await inForeground(box, server);
      assert.is(server.status().running, 1);
      server.child.kill(signal);
      await once(server.child, "exit");
      assert.is(box.state().status, "running");
      letGo(box);
      const { status, stderr } = await call.ended();
      assert.is(status, 7);
      assert.match(stderr, /^tsrun: warning: the tsrun that served .* `tsrun delete` removes\n$/);
      assert.is(box.state().status, "stopped");
    },
  );

testTsrun("a server isn't idle while a container is in the foreground", async () => {
  await using server = await serving({ flags: ["--idle", `${200 * slowness}ms`] });
  using box = waiter();
  await using call = await inForeground(box, server);
  await Bun.sleep(1000 * slowness);
  assert.is(server.child.exitCode, null);
  letGo(box);
  assert.is((await call.ended()).status, 7);
  if (server.child.exitCode === null) await once(server.child, "exit");
  assert.is(server.child.exitCode, 0);
});

testTsrun("a server may be idle for longer than a timer can wait", async () => {
  await using server = await serving({ flags: ["--idle", "1000h"] });
  assert.is(server.status().pid, server.pid);
  assert.is(server.printed(), "");
});

leavesNothing();
test.run();
