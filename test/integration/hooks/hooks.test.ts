// Runs beside other files.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS } from "../../harness/bundle.ts";
import { container, containerOf, ranIn } from "../../harness/container.ts";
import { runtimePath, stateRoot, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { commandLine, lives, processes } from "../../harness/processes.ts";
import { complaint, silent, startRuntime } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";
import { KINDS, type Kind, live, notebook, seenBy, withHooks } from "./scripts.ts";

// When

testTsrun("all hooks run, each kind at its moment and in the order of its list", () => {
  const notes = notebook();
  const scripts = Object.fromEntries(
    KINDS.map((kind) => [kind, [`echo ${kind} 0 >> $NOTES`, `echo ${kind} 1 >> $NOTES`]]),
  );
  const lines = (...kinds: Kind[]) => kinds.flatMap((kind) => [`${kind} 0\n`, `${kind} 1\n`]).join("");
  using one = container(withHooks(notes, scripts));
  one.create();
  assert.is(notes.read(), lines("prestart", "createRuntime", "createContainer"));
  one.start();
  assert.is(
    notes.read(),
    lines("prestart", "createRuntime", "createContainer", "startContainer", "poststart"),
  );
  one.delete("--force");
  assert.is(notes.read(), lines(...KINDS));
});

testTsrun("a foreground run runs them all", () => {
  const notes = notebook();
  const scripts = Object.fromEntries(KINDS.map((kind) => [kind, `echo ${kind} >> $NOTES`]));
  const { path } = bundle(withHooks(notes, scripts, { args: ["true"] }));
  silent(ranIn(path));
  assert.is(notes.read(), KINDS.map((kind) => `${kind}\n`).join(""));
});

testTsrun("startContainer hooks run before the program, poststart hooks after it was executed", () => {
  const notes = notebook();
  const program = ["sh", "-c", "echo program >> /home/notes; exec sleep 60"];
  const poststart =
    "i=0; until grep -q program $NOTES || [ $i = 50 ]; do sleep 0.1; i=$((i+1)); done; echo after >> $NOTES";
  using one = container(
    withHooks(notes, { startContainer: "echo before >> $NOTES", poststart }, { args: program }),
  );
  live(one);
  assert.is(notes.read(), "before\nprogram\nafter\n");
});

test("the hooks of create find the mounts made, and the init with the host's root still", () => {
  const text =
    'read -r state; pid=$(echo "$state" | sed "s/.*\\"pid\\": *\\([0-9]*\\).*/\\1/"); grep -c "/rootfs/proc " /proc/$pid/mountinfo; readlink /proc/$pid/root';
  for (const kind of ["prestart", "createRuntime"] as const) assert.is(seenBy(kind, text), "1\n/\n", kind);
});

// createContainer hooks of runc start in the rootfs.
const WRITE =
  "cd rootfs 2> /dev/null; echo here > etc/hook && echo here > run/hook && echo here > secret && echo done";

const PID = `$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/')`;

const INSIDE = `exec nsenter --mount=/proc/${PID}/ns/mnt --wd=. sh -c "${WRITE}"`;

for (const [kind, text] of [
  ["prestart", INSIDE],
  ["createRuntime", INSIDE],
  ["createContainer", WRITE],
] as const) {
  test(`a ${kind} hook may write to a read-only root and tmpfs, and to what is masked; nobody may later`, () => {
    const notes = notebook();
    const readonlyTmpfs = { destination: "/run", type: "tmpfs", source: "tmpfs", options: ["ro"] };
    const made = withHooks(
      notes,
      { [kind]: `{ ${text}; } > $NOTES 2>&1`, startContainer: "touch /etc/x /run/x 2>> $NOTES; true" },
      { args: ["sh", "-c", "cat /etc/hook /run/hook; touch /etc/x /run/x; wc -c < /secret"] },
    );
    const one = bundle({
      ...made,
      root: { readonly: true },
      mounts: [...DEFAULT_MOUNTS, notes.mount, readonlyTmpfs],
      linux: { maskedPaths: ["/secret"] },
    });
    const { stdout, stderr } = ranIn(one.path);
    assert.is(stdout, "here\nhere\n0\n");
    assert.match(stderr, /\/etc\/x: Read-only file system\n.*\/run\/x: Read-only file system/);
    assert.match(notes.read(), /^done\n.*\/etc\/x: Read-only file system\n.*\/run\/x: Read-only file system/);
    assert.is(readFileSync(join(one.rootfs, "secret"), "utf8"), "here\n");
  });
}

test("poststop hooks run once the container is gone", () => {
  const notes = notebook();
  using one = container(
    withHooks(notes, {
      poststop: `${runtimePath} --root ${stateRoot} state "$(cat | sed 's/.*"id": *"\\([^"]*\\)".*/\\1/')" > $NOTES 2>&1; true`,
    }),
  );
  live(one);
  assert.match(notes.read(), /does not exist/);
});

test("a hook without a timeout may take its time", () => {
  assert.is(seenBy("createRuntime", "sleep 2; echo done"), "done\n");
});

test("what hooks print is not the container's output", () => {
  const scripts = Object.fromEntries(KINDS.map((kind) => [kind, `echo ${kind}; echo ${kind} >&2`]));
  const { path } = bundle(withHooks(notebook(), scripts, { args: ["echo", "program"] }));
  const { stdout, stderr } = silent(ranIn(path));
  assert.equal([stdout, stderr], ["program\n", ""]);
});

test("a hook that prints more than a pipe holds is not held up", () => {
  assert.is(seenBy("createRuntime", "head -c 300000 /dev/zero >&2; echo done"), "done\n");
});

testTsrun("a hook may leave a process behind, which holds nobody up", async () => {
  const pid = Number(seenBy("createRuntime", "sleep 61 & echo $!"));
  assert.match(commandLine(pid), /sleep 61/);
  process.kill(pid);
  await waitUntil(() => !lives(pid), "it has ended");
});

// Meanwhile

testTsrun("while the hooks of create run, state says creating, and they may ask for it", () => {
  const notes = notebook();
  const id = uniqueId();
  const ask = `${runtimePath} --root ${stateRoot} state ${id} > $NOTES 2>&1`;
  using one = containerOf(bundle(withHooks(notes, { createRuntime: ask })), id);
  one.create();
  const { status, pid } = JSON.parse(notes.read());
  assert.equal({ status, pid }, { status: "creating", pid: one.pid() });
});

testTsrun("a poststart hook may act on its container", () => {
  const notes = notebook();
  const id = uniqueId();
  const act = `${runtimePath} --root ${stateRoot} exec ${id} echo inside > $NOTES; ${runtimePath} --root ${stateRoot} delete --force ${id}`;
  using one = containerOf(bundle(withHooks(notes, { poststart: act })), id);
  one.create();
  one.start();
  assert.is(notes.read(), "inside\n");
  assert.match(complaint(one.call("state")), /does not exist/);
});

testTsrun("a signal for a foreground run reaches the container while a poststart hook runs", async () => {
  const notes = notebook();
  const program = [
    "sh",
    "-c",
    "trap 'echo got it >> /home/notes' TERM; echo ready >> /home/notes; while :; do sleep 0.1; done",
  ];
  using one = container(
    withHooks(notes, { poststart: "echo hook >> $NOTES; exec sleep 62" }, { args: program }),
  );
  await using run = startRuntime(["run", "--bundle", one.bundle.path, one.id]);
  await waitUntil(() => notes.read().includes("ready") && notes.read().includes("hook"), "the hook runs");
  process.kill(run.pid, "SIGTERM");
  await waitUntil(() => notes.read().includes("got it"), "the program is signalled");
});

testTsrun("a hook that is the process's user ends with the start that it holds up", async () => {
  const notes = notebook();
  const process = { user: { uid: 1000, gid: 1000 } };
  using one = container(withHooks(notes, { startContainer: "echo > $NOTES; exec sleep 63" }, { process }));
  one.create();
  await using start = startRuntime(["start", one.id]);
  await waitUntil(() => notes.read() !== "", "the hook runs");
  const hook = processes().find((pid) => commandLine(pid) === "sleep 63") ?? 0;
  start.child.kill("SIGKILL");
  await start.ended();
  await waitUntil(() => !lives(hook), "the hook has ended");
});

testTsrun("a signal ends a start that a hook holds up", async () => {
  const notes = notebook();
  using one = container(withHooks(notes, { startContainer: "echo > $NOTES; exec sleep 65" }));
  one.create();
  await using start = startRuntime(["start", one.id]);
  await waitUntil(() => notes.read() !== "", "the hook runs");
  start.child.kill("SIGTERM");
  assert.is((await start.ended()).signal, "SIGTERM");
});

testTsrun("a hook ends with the create that it holds up, and delete runs the poststop hooks", async () => {
  const notes = notebook();
  using one = container(
    withHooks(notes, { createRuntime: "echo $$ > $NOTES; exec sleep 64", poststop: "echo gone >> $NOTES" }),
  );
  const create = startRuntime(["create", "--bundle", one.bundle.path, one.id]);
  await waitUntil(() => notes.read().endsWith("\n"), "the hook runs");
  const hook = Number(notes.read());
  process.kill(create.pid, "SIGKILL");
  await create.ended();
  await waitUntil(() => !lives(hook), "the hook has ended");
  assert.is(one.state().status, "stopped");
  one.delete();
  assert.match(notes.read(), /^gone$/m);
});

leavesNothing();
test.run();
