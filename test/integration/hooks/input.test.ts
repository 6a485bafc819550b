// Runs beside other files.
// What a hook is given: the state, arguments and an environment.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespaces } from "../../harness/bundle.ts";
import { container } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { fileFor, KINDS, live, notebook, SLEEP, seenBy, withHooks } from "./scripts.ts";

for (const [kind, status, ownPid] of [
  ["prestart", "creating", false],
  ["createRuntime", "creating", false],
  ["createContainer", "creating", true],
  ["startContainer", "created", true],
  ["poststart", "running", false],
] as const) {
  testTsrun(`a ${kind} hook reads the state on its stdin: ${status}`, () => {
    const notes = notebook();
    const annotations = { "org.example.key": 'a "value"\n' };
    using one = container(withHooks(notes, { [kind]: "cat > $NOTES" }, { annotations }));
    one.create();
    one.start();
    const { ociVersion, ...state } = JSON.parse(notes.read());
    assert.match(ociVersion, /^1\./);
    assert.equal(state, {
      id: one.id,
      status,
      pid: ownPid ? 1 : one.pid(),
      bundle: one.bundle.path,
      annotations,
    });
  });
}

test("a poststop hook reads a state without a process", () => {
  const notes = notebook();
  using one = container(withHooks(notes, { poststop: "cat > $NOTES" }));
  live(one);
  const { id, status, pid = 0, bundle: path } = JSON.parse(notes.read());
  assert.equal({ id, status, pid, path }, { id: one.id, status: "stopped", pid: 0, path: one.bundle.path });
});

test("in the host's pid namespace a createContainer hook is told the host's pid", () => {
  const notes = notebook();
  const linux = { namespaces: namespaces({ pid: false }) };
  using one = container(withHooks(notes, { createContainer: "cat > $NOTES" }, { linux }));
  one.create();
  assert.is(JSON.parse(notes.read()).pid, one.pid());
});

test("a state larger than a pipe reaches a hook whole, and may be left unread", () => {
  const annotations = { large: "x".repeat(200_000) };
  assert.is(Number(seenBy("createRuntime", "cat | wc -c", { annotations })) > 200_000, true);
  assert.is(seenBy("createRuntime", "exec < /dev/null; echo fine", { annotations }), "fine\n");
});

for (const kind of KINDS) {
  test(`a ${kind} hook has exactly the environment and arguments given`, () => {
    const notes = notebook();
    const hook = {
      path: "/bin/sh",
      args: ["sh", "-c", 'echo "$0" > $FILE; echo "$1" >> $FILE; /usr/bin/env >> $FILE', "one", "two words"],
      env: [`FILE=${fileFor(kind, notes)}`, "PATH=/bin:/usr/bin"],
    };
    using one = container({ ...withHooks(notes, {}), hooks: { [kind]: [hook] } });
    live(one);
    const [first, second, ...rest] = notes.read().trim().split("\n");
    assert.equal([first, second], ["one", "two words"]);
    const env = rest.filter((line) => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line)).sort(); // these are the shell's
    assert.equal(env, [...hook.env].sort());
  });
}

test("a hook without args and env has its path as argv[0] and its caller's environment", () => {
  const notes = notebook();
  const path = join(notes.directory, "hook");
  writeFileSync(
    path,
    `#!/bin/sh\n/usr/bin/tr '\\0' ' ' < /proc/$$/cmdline > ${notes.file}\necho >> ${notes.file}\n/usr/bin/env >> ${notes.file}\n`,
    { mode: 0o755 },
  );
  using one = container({ args: SLEEP, hooks: { createRuntime: [{ path }] } });
  live(one);
  const [command, ...env] = notes.read().trim().split("\n");
  assert.is(command?.trim(), `/bin/sh ${path}`);
  assert.ok(env.includes(`TSRUN_TEST_DIR=${process.env["TSRUN_TEST_DIR"]}`), env.join("\n"));
});

test("a startContainer hook without env has the environment of the container's process", () => {
  const notes = notebook();
  const hook = { path: "/bin/sh", args: ["sh", "-c", `env > ${fileFor("startContainer", notes)}`] };
  const env = ["PATH=/bin", "MARK=inside"];
  using one = container({ ...withHooks(notes, {}), process: { env }, hooks: { startContainer: [hook] } });
  live(one);
  const found = notes.read().split("\n");
  assert.ok(found.includes("MARK=inside"), found.join("\n"));
  assert.not.ok(found.some((line) => line.startsWith("TSRUN_TEST_DIR=")));
});

testTsrun("a hook can't change the state that it reads, by whichever way", () => {
  const ways = ["> /proc/self/fd/0", ">> /proc/self/fd/0", "1<> /proc/self/fd/0", ">&0"];
  const tries = ways.map((way) => `sh -c 'echo junk ${way}' 2>&1 || echo refused`);
  const lines = seenBy("createRuntime", [...tries, "cat"].join("; ")).split("\n");
  const state = JSON.parse(lines.pop() ?? "");
  assert.is(state.status, "creating");
  assert.is(lines.filter((line) => line === "refused").length, ways.length);
});

test("a startContainer hook without env has HOME as the process has it", () => {
  for (const [process, home] of [
    [{ env: ["PATH=/bin"], user: { uid: 1000, gid: 1000 } }, "/home/app"],
    [{ env: ["PATH=/bin", "HOME=/else"] }, "/else"],
  ] as const) {
    const notes = notebook();
    const args = ["sh", "-c", `echo $HOME > ${fileFor("startContainer", notes)}`];
    const hook = { path: "/bin/sh", args };
    using one = container({ ...withHooks(notes, {}), process, hooks: { startContainer: [hook] } });
    live(one);
    assert.is(notes.read(), `${home}\n`);
  }
});

leavesNothing();
test.run();
