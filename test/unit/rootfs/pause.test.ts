import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { canCompilePause, compilePause, machineArchitecture } from "../../../rootfs/pause/compile.ts";
import { testIf } from "../../harness/skip.ts";
import { waitUntil } from "../../harness/wait.ts";
import { childrenOf, paused, pausedAsInit, ran } from "./pause-process.ts";

const WARNING = "Warning: pause should be the first process of its PID namespace\n";
const TERMINATED = "Shutting down, got signal: Terminated\n";
const INTERRUPTED = "Shutting down, got signal: Interrupt\n";

const directory = mkdtempSync(join(tmpdir(), "tsrun-pause-"));
const testIfRoot = testIf(process.getuid?.() === 0, "needs root for a PID namespace");
test.after(() => rmSync(directory, { recursive: true }));

const native = join(directory, "pause");
compilePause(machineArchitecture(), native);
testBehaviour("pause", [native]);
testOther();

/** The other architecture's pause, where there is a compiler and an emulator for it. */
function testOther(): void {
  const other = machineArchitecture() === "x64" ? "arm64" : "x64";
  const emulators = other === "arm64" ? ["qemu-aarch64", "qemu-aarch64-static"] : ["qemu-x86_64"];
  const emulator = emulators.map((name) => Bun.which(name)).find((path) => path !== null);
  if (emulator === undefined || !canCompilePause(other)) {
    testIf(false, `needs qemu-user and a compiler for ${other}`)(`pause for ${other}`, () => {});
    return;
  }
  const program = join(directory, `pause-${other}`);
  compilePause(other, program);
  testBehaviour(`pause for ${other}`, [emulator, program]);
}

/** What every build does, emulated or not. */
function testBehaviour(name: string, command: readonly string[]): void {
  test(`${name} prints its version with -v`, async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dir, "../../../package.json"), "utf8"));
    assert.equal(await ran([...command, "-v"]), {
      status: 0,
      stdout: `tsrun pause ${version}\n`,
      stderr: "",
    });
    assert.is((await ran([...command, "x", "-V"])).status, 0);
  });

  test(`${name} warns when it isn't PID 1, and goes on`, async () => {
    using pause = await paused(command);
    pause.signal("SIGTERM");
    assert.equal(await pause.ended(), { status: 0, stdout: "", stderr: WARNING + TERMINATED });
  });

  testIfRoot(`${name} ends with status 0 at SIGTERM, as PID 1`, async () => {
    using pause = await pausedAsInit(command);
    pause.signal("SIGTERM");
    assert.equal(await pause.ended(), { status: 0, stdout: "", stderr: TERMINATED });
  });

  testIfRoot(`${name} ends with status 0 at SIGINT, as PID 1`, async () => {
    using pause = await pausedAsInit(command);
    pause.signal("SIGINT");
    assert.equal(await pause.ended(), { status: 0, stdout: "", stderr: INTERRUPTED });
  });

  testIfRoot(`${name} reaps orphans that end all at once`, async () => {
    const orphans = "for i in $(seq 40); do (sleep 0.7 &) ; done";
    using pause = await pausedAsInit(command, orphans);
    assert.ok(childrenOf(pause.pid).length > 1, "there are orphans");
    await waitUntil(() => childrenOf(pause.pid).length === 0, "all orphans are reaped");
  });

  testIfRoot(`${name} reaps orphans that ended before it could handle SIGCHLD`, async () => {
    const negligent = ["perl", "-e", "fork or exit; <STDIN>; exec @ARGV", ...command]; // a shell would reap
    using pause = await pausedAsInit(negligent, ":", async (init, child) => {
      await waitUntil(() => childrenOf(init).some(({ zombie }) => zombie), "there is a zombie");
      child.stdin?.write("go\n");
    });
    assert.equal(childrenOf(pause.pid), []);
  });

  test(`${name} gets a SIGTERM that its caller had blocked`, async () => {
    const blocked = ["env", "--block-signal=TERM", "sh", "-c", 'kill -TERM $$; exec "$@"', "sh"];
    assert.equal(await ran([...blocked, ...command]), {
      status: 0,
      stdout: "",
      stderr: WARNING + TERMINATED,
    });
  });
}

test("pause ends with status 0 though nobody reads its last words", async () => {
  using pause = await paused([native]);
  pause.child.stderr?.destroy();
  pause.signal("SIGTERM");
  assert.is((await pause.ended()).status, 0);
});

for (const [index, signal] of (["SIGINT", "SIGTERM", "SIGCHLD"] as const).entries()) {
  test(`pause exits ${index + 1} when it cannot handle ${signal}`, async () => {
    const { status } = await ran(refusing("rt_sigaction", String(constants.signals[signal])));
    assert.is(status, index + 1);
  });
}

test("pause exits 42 when it can no longer wait", async () => {
  const { status, stderr } = await ran(refusing("ppoll", "any"));
  assert.is(status, 42);
  assert.match(stderr, "Error: pause can no longer wait for signals\n");
});

function refusing(call: string, argument: string): readonly string[] {
  return [process.execPath, join(import.meta.dir, "refuse-syscall.ts"), call, argument, native];
}

// What the kernel gives a program, and its own stack, begin at random places: on three pages at most.
test("pause is a page of code and three pages of stack at most", async () => {
  assert.ok(statSync(native).size <= 4096, `${statSync(native).size} bytes`);
  using pause = await paused([native]);
  assert.ok(memory(pause.pid, "Rss") <= 16, `${memory(pause.pid, "Rss")} kB resident`);
  assert.ok(memory(pause.pid, "Anonymous") <= 12, `${memory(pause.pid, "Anonymous")} kB anonymous`);
});

/** In kB, proc(5). */
function memory(pid: number, field: "Rss" | "Anonymous"): number {
  const lines = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(new RegExp(`^${field}: +(\\d+) kB$`, "m").exec(lines)?.[1]);
}

test.run();
