// Runs beside other files.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type JsonObject } from "../../harness/bundle.ts";
import { type Container, containerOf, ran, started } from "../../harness/container.ts";
import { freshDirectory, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, startRuntime, succeeded } from "../../harness/runtime.ts";
import { onTerminal, script } from "../../harness/session.ts";
import { atTerminal } from "../../harness/terminal.ts";
import { waitUntil } from "../../harness/wait.ts";

// Streams that are no terminal

test("without a terminal of the caller's, what is piped in is typed, and its end ends the input", () => {
  const { status, stdout } = ran(onTerminal(script("cat; cat; echo over; exit 3")), { input: "first\nlast" });
  assert.is(status, 3);
  assert.match(stdout, /last.*over\n$/s);
});

test("the lines that a file or a pipe gets are those that were printed, of run and of exec", () => {
  assert.is(ran(onTerminal(script("echo one; echo two; tty >/dev/null"))).stdout, "one\ntwo\n");
  using box = started({ args: ["sleep", "60"] });
  const { stdout } = succeeded(
    runtime(["exec", "--tty", box.id, "sh", "-c", "test -t 1 && echo one && echo two"]),
  );
  assert.is(stdout, "one\ntwo\n");
});

test("a shell without input ends at once", () => {
  assert.is(ran(onTerminal(["sh", "-i"])).status, 0);
});

test("a shell executes what is piped in", () => {
  const { status, stdout } = ran(onTerminal(["sh"]), { input: "echo $((6 * 7))\nexit 9\n" });
  assert.is(status, 9);
  assert.match(stdout, /\n42\n/);
});

test("a program whose output nobody takes any more is hung up", () => {
  const text = 'trap "exit 5" HUP; echo line; while :; do echo more; sleep 0.02; done';
  const made = bundle(onTerminal(script(text)));
  using box = containerOf(made, uniqueId());
  const command = 'exec 3>&1; { "$@" </dev/null; echo "ended $?" >&3; } | head -n 1 >&3';
  const call = { through: ["sh", "-c", command, "sh"] };
  assert.is(runtime(["run", "--bundle", made.path, box.id], call).stdout, "line\nended 5\n");
});

// Much output

const LINES = 1_300_000;
const LINE = "0123456\n";

/** A bundle with 10.4 MB in /lines. */
function talkative(text: string, process: JsonObject = {}): Container {
  const made = bundle(onTerminal(script(text), process));
  writeFileSync(join(made.rootfs, "lines"), LINE.repeat(LINES));
  return containerOf(made, uniqueId());
}

/** Fails, without printing it all, unless `text` is what `cat /lines` prints. */
function expectLines(text: string, line = LINE): void {
  assert.is(text.length, LINES * line.length);
  assert.ok(text === line.repeat(LINES), "every line is whole");
}

test("10 MB to a file come through whole", () => {
  using box = talkative("cat /lines");
  expectLines(succeeded(runtime(["run", "--bundle", box.bundle.path, box.id])).stdout);
});

test("10 MB to the caller's terminal come through whole", async () => {
  using box = talkative("cat /lines");
  await using session = atTerminal(["run", "--bundle", box.bundle.path, box.id]);
  assert.is(await session.ended(), 0);
  expectLines(session.printed(), "0123456\r\n");
});

test("10 MB to a slow reader come through whole, and signals reach the program meanwhile", async () => {
  using box = talkative("trap 'echo heard > /heard' TERM; cat /lines & wait; wait");
  const heard = join(box.bundle.rootfs, "heard");
  const cwd = freshDirectory("slow");
  const slow = '("$@" </dev/null & echo $! > pid; wait) | (while ! test -e go; do sleep 0.05; done; cat)';
  await using run = startRuntime(["run", "--bundle", box.bundle.path, box.id], {
    through: ["sh", "-c", slow, "sh"],
    cwd,
  });
  await waitUntil(() => box.call("state").stdout.includes('"running"'), "it runs");
  await Bun.sleep(200); // the pipe is full by now
  process.kill(Number(readFileSync(join(cwd, "pid"), "utf8")), "SIGTERM");
  await waitUntil(() => existsSync(heard), "the program hears the signal");
  writeFileSync(join(cwd, "go"), "");
  expectLines((await run.ended()).stdout);
});

test("10 MB can come in while as much goes out", () => {
  const input = LINE.repeat(LINES);
  // What comes before the terminal is raw is echoed.
  const echoed = ran(onTerminal(script(`stty raw -echo; head -c ${input.length}`)), { input }).stdout;
  assert.ok(echoed.endsWith(input), `${echoed.length} bytes for ${input.length}`);
});

test("the last words before the end are never lost", () => {
  const made = bundle(onTerminal(script("seq 1 500; echo -n the end")));
  for (let round = 0; round < 20; round++) {
    const { stdout } = runtime(["run", "--bundle", made.path, uniqueId()]);
    assert.match(stdout, /\n500\nthe end$/);
  }
});

leavesNothing();
test.run();
