// Runs beside other files.
// Needs systemd-socket-activate.
/** A tsrun server at a socket on which another process has listened before, as systemd does. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freshDirectory, runtimePath, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, succeeded } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";

/** Starts a server when the first command asks. */
async function activated() {
  const socket = join(freshDirectory("activated"), "socket");
  const env = `TSRUN_SERVE=${socket}`;
  const argv = ["--listen", socket, "--setenv", env, runtimePath, "--no-serve", "serve", "--idle", "1h"];
  const child = spawn("systemd-socket-activate", argv, { stdio: ["ignore", "ignore", "ignore"] });
  await waitUntil(() => existsSync(socket), "somebody listens");
  return {
    pid: child.pid,
    list: () =>
      succeeded(runtime(["list", "--quiet"], { env: { TSRUN_SERVE: socket }, global: ["--debug"] })).stderr,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

testTsrun("the command that has a server started is served, and those after it", async () => {
  await using server = await activated();
  assert.is(server.list(), `served by tsrun serve, pid ${server.pid}\n`);
  assert.is(server.list(), `served by tsrun serve, pid ${server.pid}\n`);
});

leavesNothing();
test.run();
