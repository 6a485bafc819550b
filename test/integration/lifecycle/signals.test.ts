// Runs beside other files.
// Signals: those that tsrun gets, and what its caller has made of them before.
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces } from "../../harness/bundle.ts";
import { container, containerOf, ran } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, startRuntime, succeeded } from "../../harness/runtime.ts";
import { atTerminal } from "../../harness/terminal.ts";
import { waitUntil } from "../../harness/wait.ts";

/** A shell that tells which of the signals it gets, until it gets SIGUSR2. */
function telling(...signals: readonly number[]): readonly string[] {
  const traps = signals.map((signal) => `trap 'echo got ${signal}' ${signal}`);
  return ["sh", "-c", `${traps.join("; ")}; trap 'exit 7' USR2; echo ready; while :; do sleep 0.05; done`];
}

/** What a foreground run prints that gets these signals, one after the other. */
async function told(signals: readonly number[], through: readonly string[] = []): Promise<string> {
  const { path } = bundle({ args: telling(...signals) });
  await using run = startRuntime(["run", "--bundle", path, uniqueId()], { through });
  await waitUntil(() => run.printed().stdout !== "", "the container is ready");
  for (const signal of signals) {
    process.kill(run.pid, signal);
    await waitUntil(() => run.printed().stdout.includes(`got ${signal}\n`), `signal ${signal} is told of`);
  }
  process.kill(run.pid, "SIGUSR2");
  assert.is((await run.ended()).status, 7);
  return run.printed().stdout;
}

/** All but those that can't be caught or are about tsrun itself: its children, its pipes, its terminal, its mistakes. */
const FORWARDED = [1, 2, 3, 10, 14, 15, 16, 18, 20, 21, 22, 24, 25, 26, 27, 29];
const REAL_TIME = Array.from({ length: 31 }, (_, index) => 34 + index);

for (const [which, signals] of [
  ["signals", FORWARDED],
  ["real-time signals", REAL_TIME],
] as const)
  testTsrun(`a foreground run forwards ${which}`, async () => {
    const expected = signals.map((signal) => `got ${signal}\n`);
    assert.is(await told(signals), `ready\n${expected.join("")}`);
  });

testTsrun("a change of the caller's terminal is not the affair of a program that has none", async () => {
  const { path } = bundle({ args: telling(28, 15) });
  await using run = startRuntime(["run", "--bundle", path, uniqueId()]);
  await waitUntil(() => run.printed().stdout !== "", "the container is ready");
  process.kill(run.pid, "SIGWINCH");
  await Bun.sleep(300);
  process.kill(run.pid, "SIGTERM");
  await waitUntil(() => run.printed().stdout.includes("got 15\n"), "SIGTERM is told of");
  process.kill(run.pid, "SIGUSR2");
  await run.ended();
  assert.is(run.printed().stdout, "ready\ngot 15\n");
});

testTsrun("those that the caller has blocked or ignored are forwarded, too", async () => {
  const through = ["env", "--block-signal=TERM", "--block-signal=HUP", "--ignore-signal=INT", "--"];
  assert.is(await told([15, 1, 2], through), "ready\ngot 15\ngot 1\ngot 2\n");
});

test("nothing of what the caller has blocked or ignored is the container's", () => {
  const through = ["env", "--block-signal=TERM", "--ignore-signal=INT", "--ignore-signal=CHLD", "--"];
  const args = ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"];
  const { stdout } = succeeded(ran({ args }, { through }));
  assert.is(stdout, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
});

testTsrun("a caller that ignores SIGCHLD gets its statuses all the same", () => {
  const call = { through: ["env", "--ignore-signal=CHLD", "--"] };
  assert.is(ran({ args: ["sh", "-c", "exit 3"] }, call).status, 3);
  const hooks = { createRuntime: [{ path: "/bin/true" }] };
  using box = container({ args: ["sleep", "60"], hooks });
  succeeded(runtime(["run", "--detach", "--bundle", box.bundle.path, box.id], call));
  assert.is(runtime(["exec", box.id, "sh", "-c", "exit 5"], call).status, 5);
});

for (const command of ["run", "create"] as const) {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    testTsrun(
      `${signal} while a container is being made does not leave it half-made: ${command}`,
      async () => {
        const begun = join(freshDirectory("hook"), "begun");
        const script = `echo > ${begun}; sleep 0.5`;
        const hooks = {
          createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin"] }],
        };
        using box = containerOf(bundle({ args: ["true"], hooks }), uniqueId());
        await using call = startRuntime([command, "--bundle", box.bundle.path, box.id]);
        await waitUntil(() => Bun.file(begun).size > 0, "the hook runs");
        process.kill(call.pid, signal);
        const { status, signal: ended } = await call.ended();
        assert.equal({ status, ended }, { status: 0, ended: null });
        const left = runtime(["state", box.id]);
        if (command === "create") assert.is(JSON.parse(left.stdout).status, "created");
        else assert.is(left.status, 1);
      },
    );
  }
}

testTsrun("run passes on what came while the container was being made", async () => {
  const begun = join(freshDirectory("hook"), "begun");
  const script = `echo > ${begun}; sleep 0.5`;
  const hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin"] }] };
  // Process 1 of a pid namespace would not heed it.
  const linux = { namespaces: namespaces({ pid: false }) };
  const { path } = bundle({ args: ["sleep", "60"], hooks, linux });
  await using call = startRuntime(["run", "--bundle", path, uniqueId()]);
  await waitUntil(() => Bun.file(begun).size > 0, "the hook runs");
  process.kill(call.pid, "SIGTERM");
  assert.is((await call.ended()).status, 128 + 15);
});

testTsrun("real-time signals reach a program that has a terminal, too", async () => {
  const { path } = bundle({ args: telling(37), process: { terminal: true } });
  await using call = atTerminal(["run", "--bundle", path, uniqueId()]);
  await call.until("ready");
  process.kill(call.pid, 37);
  await call.until("got 37");
  process.kill(call.pid, "SIGUSR2");
  assert.is(await call.ended(), 7);
});

leavesNothing();
test.run();
