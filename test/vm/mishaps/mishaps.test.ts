import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exists } from "../../harness/processes.ts";
import { waitUntil } from "../../harness/wait.ts";

const PROJECT = resolve(import.meta.dir, "../../..");
const RUN = join(PROJECT, "test/vm/run.ts");

function runIn(file: string, seconds: number): SpawnSyncReturns<string> {
  const env = { ...process.env, VM_SECONDS: String(seconds) };
  return spawnSync(process.execPath, [RUN, join(import.meta.dir, file)], { encoding: "utf8", env });
}

for (const [what, file, complaint] of [
  ["a guest that hangs", "hang.ts", /the guest was not off after 5 s/],
  [
    "a guest that is switched off early",
    "switch-off.ts",
    /the guest switched off before its tests had ended/,
  ],
] as const) {
  test(`${what} is a failure`, () => {
    const { status, stdout } = runIn(file, file === "hang.ts" ? 5 : 120);
    assert.is(status, 1);
    assert.match(stdout, complaint);
    assert.match(stdout, /^0 passed, 1 failed$/m);
  });
}

test("a guest that panics is a failure, and its last words are shown and kept", () => {
  const { status, stdout } = runIn("panic.ts", 120);
  assert.is(status, 1);
  assert.match(stdout, /the guest switched off before its tests had ended/);
  assert.match(stdout, /Kernel panic - not syncing/);
  assert.match(
    readFileSync(join(PROJECT, "build/vm/stable/console.log"), "utf8"),
    /Kernel panic - not syncing/,
  );
});

/** The processes that a process has started and that still run. */
function children(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return list === "" ? [] : list.split(" ").map(Number);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
  test(`${signal} ends QEMU with the program that started it`, async () => {
    const run = spawn(process.execPath, [RUN, join(import.meta.dir, "hang.ts")], { stdio: "ignore" });
    const pid = run.pid ?? 0;
    await waitUntil(() => children(pid).some(isQemu), "QEMU runs");
    const [qemu = 0] = children(pid).filter(isQemu);
    run.kill(signal);
    await waitUntil(() => !exists(qemu), "QEMU has ended");
  });
}

function isQemu(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("qemu");
}

test.run();
