import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { endingOf } from "../../../src/container/state/ending.ts";
import { processInfo } from "../../../src/container/state/process-info.ts";
import { waitUntil } from "../../harness/wait.ts";

const directory = mkdtempSync(join(tmpdir(), "tsrun-ending-"));
test.after(() => rmSync(directory, { recursive: true }));

/** A cgroup's directory in which so many processes were killed for lack of memory. */
function cgroup(kills: number): string {
  writeFileSync(
    join(directory, "memory.events"),
    `low 0\nmax 9\noom 1\noom_kill ${kills}\noom_group_kill 0\n`,
  );
  return directory;
}

const ended = (status: number, kills: number | null = null) =>
  endingOf({ init: null, cgroup: kills === null ? null : cgroup(kills), ended: status });

test("an exit status, a signal", () => {
  assert.equal(ended(3 << 8), { reason: "exited with status 3", exitStatus: 3 });
  assert.equal(ended(0), { reason: "exited with status 0", exitStatus: 0 });
  assert.equal(ended(9), { reason: "killed by SIGKILL", signal: "SIGKILL" });
  assert.equal(ended(11 | 0x80), { reason: "killed by SIGSEGV", signal: "SIGSEGV" });
  assert.equal(ended(40)?.signal, "signal 40");
});

test("memory that ran out is the reason of a SIGKILL, and told beside any other end", () => {
  assert.equal(ended(9, 1), { reason: "killed by SIGKILL; out of memory", signal: "SIGKILL", oomKills: 1 });
  assert.is(ended(1 << 8, 2)?.reason, "exited with status 1; out of memory: 2 of its processes were killed");
  assert.equal(endingOf({ init: null, cgroup: cgroup(1) }), {
    reason: "out of memory: 1 of its processes was killed",
    oomKills: 1,
  });
});

test("nothing is told where nobody knows", () => {
  assert.is(endingOf({ init: null, cgroup: cgroup(0) }), null);
  assert.is(endingOf({ init: null, cgroup: join(directory, "gone") }), null);
  assert.is(endingOf({ init: { pid: process.pid, startTime: 1 }, cgroup: null }), null);
});

/** A process whose child has ended and is not reaped, with the child's pid. */
async function zombieOf(script: string): Promise<Disposable & { readonly pid: number }> {
  // sleep(1) takes the shell's place before the child ends, and asks for nobody's status.
  const parent = spawn("sh", ["-c", `(sleep 0.2; ${script}) >&2 & echo $!; exec sleep 60`], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const first = await new Promise<Buffer>((resolve) => parent.stdout.once("data", resolve));
  const zombie = { pid: Number(first.toString()), [Symbol.dispose]: () => void parent.kill("SIGKILL") };
  try {
    await waitUntil(() => processInfo(zombie.pid)?.state === "Z", `process ${zombie.pid} has ended`);
    return zombie;
  } catch (error) {
    zombie[Symbol.dispose]();
    throw error;
  }
}

for (const [script, reason] of [
  ["exit 7", "exited with status 7"],
  ["kill -TERM $(exec sh -c 'echo $PPID')", "killed by SIGTERM"],
] as const)
  test(`an init that nobody has reaped tells how it ended: ${reason}`, async () => {
    using zombie = await zombieOf(script);
    const { pid } = zombie;
    const startTime = processInfo(pid)?.startTime ?? 0;
    assert.is(endingOf({ init: { pid, startTime }, cgroup: null })?.reason, reason);
    assert.is(endingOf({ init: { pid, startTime: startTime + 1 }, cgroup: null }), null, "another process");
  });

test.run();
