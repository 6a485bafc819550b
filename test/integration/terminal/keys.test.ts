// Runs beside other files.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces } from "../../harness/bundle.ts";
import { containerOf } from "../../harness/container.ts";
import { testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, silent } from "../../harness/runtime.ts";
import { running, script } from "../../harness/session.ts";
import { atTerminal } from "../../harness/terminal.ts";
import { waitUntil } from "../../harness/wait.ts";

// Keys

test("keys reach the program, and what it prints the caller", async () => {
  await using session = running(script("read -r a; read -r b; echo got $a and $b; exit 6"));
  session.type("one\rtwo\r");
  assert.is(await session.ended(), 6);
  assert.match(session.printed(), /got one and two/);
});

test("a shell with job control runs there", async () => {
  await using session = running(["sh"]);
  await session.until("# ");
  session.type("sleep 60\r");
  await session.until("sleep 60\r\n");
  await Bun.sleep(100); // until it is the foreground job
  session.type("\x1a");
  await session.until("Stopped");
  session.type("fg\r");
  await session.until(/fg\r\nsleep 60\r\n/);
  session.type("\x03");
  await session.until("^C");
  session.type("exit 3\r");
  assert.is(await session.ended(), 3);
});

test("the config.json that spec writes gives a shell", async () => {
  const made = bundle();
  const file = join(made.path, "config.json");
  rmSync(file);
  silent(runtime(["spec", "--bundle", made.path], { cwd: made.path }));
  using box = containerOf(made, uniqueId());
  await using session = atTerminal(["run", "--bundle", made.path, box.id]);
  await session.until("# ");
  session.type("echo $((6 * 7)) $(tty); exit 3\r");
  assert.is(await session.ended(), 3);
  assert.match(session.printed(), /42 \/dev\/pts\/0/);
});

testTsrun(
  "Ctrl-C that a container's first process doesn't get is answered, once, with what ends it",
  async () => {
    const made = bundle({ args: ["sh", "-c", "echo ready; exec sleep 60"] });
    using box = containerOf(made, uniqueId());
    // A served run is a few kilobytes of C by then, which only pass signals on.
    await using session = atTerminal(["--no-serve", "run", "--bundle", made.path, box.id]);
    await session.until("ready");
    session.type("\x03");
    await session.until(
      "has no handler for Ctrl-C (SIGINT), and so doesn't get it: `tsrun kill ID KILL` ends it",
    );
    session.type("\x03");
    silent(runtime(["kill", box.id, "KILL"]));
    assert.is(await session.ended(), 137);
    assert.is(session.printed().split("no handler").length, 2);
  },
);

testTsrun("Ctrl-C that it gets is not commented", async () => {
  const made = bundle({
    args: ["sh", "-c", "trap 'exit 5' INT; echo ready; while :; do sleep 0.1; done"],
  });
  using box = containerOf(made, uniqueId());
  await using session = atTerminal(["run", "--bundle", made.path, box.id]);
  await session.until("ready");
  session.type("\x03");
  assert.is(await session.ended(), 5);
  assert.not.match(session.printed(), "no handler");
});

test("Ctrl-C interrupts the program in the foreground, and neither its shell nor tsrun", async () => {
  await using session = running(
    script('trap "echo shell lives" INT; (echo ready; exec sleep 60); echo over; exit 4'),
  );
  await session.until("ready");
  session.type("\x03");
  assert.is(await session.ended(), 4);
  assert.match(session.printed(), /shell lives.*over/s);
});

test("Ctrl-D is the end of the program's input", async () => {
  await using session = running(["cat"]);
  session.type("line\r");
  await session.until("line\r\nline\r\n");
  session.type("\x04");
  assert.is(await session.ended(), 0);
});

// The caller's own terminal

test("the caller's terminal is raw while the program runs, and afterwards what it was", async () => {
  await using session = running(script("echo ready; read -r line"));
  assert.ok(session.isCooked());
  await session.until("ready");
  assert.ok(session.isRaw());
  session.type("\r");
  assert.is(await session.ended(), 0);
  assert.ok(session.isCooked());
});

for (const [how, text] of [
  ["fails", "exit 3"],
  ["kills itself", "kill -KILL $$"],
] as const) {
  test(`it is what it was when the program ${how}`, async () => {
    const linux = { namespaces: namespaces({ pid: false }) };
    await using session = running(script(text), {}, { linux });
    assert.ok((await session.ended()) !== 0);
    assert.ok(session.isCooked());
  });
}

for (const signal of ["TERM", "INT", "HUP", "QUIT", "USR1", "ALRM"] as const) {
  test(`it is what it was after SIG${signal} to the runtime, which passes that on`, async () => {
    await using session = running(
      script(`trap "exit 7" ${signal}; echo ready; while :; do sleep 0.02; done`),
    );
    await session.until("ready");
    assert.ok(session.isRaw());
    process.kill(session.pid, `SIG${signal}`);
    assert.is(await session.ended(), 7);
    assert.ok(session.isCooked());
  });
}

test("it is what it was when the container is killed", async () => {
  await using session = running(script("echo ready; exec sleep 60"));
  await session.until("ready");
  session.box.kill("KILL");
  assert.is(await session.ended(), 137);
  assert.ok(session.isCooked());
});

test("it is what it was when the program can't be executed", async () => {
  await using session = running(["/etc/hostname"]);
  assert.ok((await session.ended()) !== 0);
  assert.ok(session.isCooked());
  assert.match(session.printed(), /permission denied|exec/);
});

testTsrun("stopped and continued, the runtime makes it raw again", async () => {
  await using session = running(script("echo ready; read -r line; exit 8"));
  await session.until("ready");
  process.kill(session.pid, "SIGSTOP");
  Bun.spawnSync(["stty", "-F", `/proc/${session.pid}/fd/0`, "sane"]);
  assert.ok(session.isCooked());
  process.kill(session.pid, "SIGCONT");
  await waitUntil(() => session.isRaw(), "the terminal is raw again");
  session.type("\r");
  assert.is(await session.ended(), 8);
});

test("a closed window hangs the program up", async () => {
  await using session = running(
    script('trap "echo up > /tmp/hung; exit" HUP; echo ready; while :; do sleep 0.02; done'),
  );
  await session.until("ready");
  session.close();
  await session.ended();
  assert.is(readFileSync(join(session.box.bundle.rootfs, "tmp/hung"), "utf8"), "up\n");
});

leavesNothing();
test.run();
