// Runs beside other files.
import { spawn } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isAlive, isZombie, processInfo } from "../../../src/container/state/process-info.ts";

/** Clock ticks since boot. */
const now = async () => Number((await Bun.file("/proc/uptime").text()).split(" ")[0]) * 100;

for (const name of ["a) Z 1 (b", ") X 0 0 0", "((", "))", " ", "a b"])
  test(`a process that calls itself "${name}" is known all the same`, async () => {
    const before = await now();
    const child = spawn("sh", ["-c", `printf '${name}' > /proc/self/comm; echo named; read end`], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const { pid = 0 } = child;
    try {
      await new Promise((resolve) => child.stdout.once("data", resolve));
      const info = processInfo(pid);
      assert.ok(info !== null);
      assert.equal({ name: info.name, threads: info.threads }, { name, threads: 1 });
      assert.match(info.state, /^[RS]$/);
      assert.ok(
        info.startTime >= Math.floor(before) - 1 && info.startTime <= (await now()) + 1,
        `${info.startTime}`,
      );
      assert.ok(isAlive(pid, info.startTime));
      assert.not(isAlive(pid, info.startTime + 1), "another that had its pid");
      assert.not(isZombie(pid, info.startTime));
    } finally {
      child.kill("SIGKILL");
    }
  });

test("nothing is known of a process that there is not", () => {
  assert.is(processInfo(2 ** 22 + 1), null);
});

test.run();
