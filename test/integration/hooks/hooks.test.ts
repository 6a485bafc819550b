// Runs beside other files.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Bundle, bundle, capabilities, DEFAULT_MOUNTS, namespaces } from "../../harness/bundle.ts";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { container, containerOf, inside, ranIn } from "../../harness/container.ts";
import { freshDirectory, runtimePath, stateRoot, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { commandLine, lives, namespaceOf, parseStatus, processes } from "../../harness/processes.ts";
import { complaint, silent, startRuntime } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";
import { fileFor, KINDS, type Kind, live, notebook, SLEEP, script, seenBy, withHooks } from "./scripts.ts";

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

// Where

for (const kind of ["prestart", "createRuntime", "poststart", "poststop"] as const) {
  test(`${kind} hooks run in the runtime's namespaces`, () => {
    const seen = seenBy(kind, "for n in mnt net pid uts ipc; do readlink /proc/self/ns/$n; done")
      .trim()
      .split("\n");
    assert.equal(
      seen,
      (["mnt", "net", "pid", "uts", "ipc"] as const).map((file) => namespaceOf("self", file)),
    );
  });
}

for (const kind of ["createContainer", "startContainer"] as const) {
  testTsrun(`${kind} hooks run in the container's namespaces and cgroup`, () => {
    const notes = notebook();
    const text =
      "{ for n in mnt net pid uts ipc; do readlink /proc/self/ns/$n; done; hostname; cat /proc/self/cgroup; } > $NOTES";
    using one = container(withHooks(notes, { [kind]: text }));
    one.create();
    one.start();
    const seen = notes.read().trim().split("\n");
    const pid = one.pid();
    assert.equal(
      seen.slice(0, 5),
      (["mnt", "net", "pid", "uts", "ipc"] as const).map((file) => namespaceOf(pid, file)),
    );
    assert.is(seen[5], "box");
    const own = seen.find((line) => line.startsWith("0::"));
    assert.ok(own !== undefined && cgroup2Of(pid).endsWith(own.slice(3)), `${own} for ${cgroup2Of(pid)}`);
  });
}

test("createContainer hooks are the host's programs, startContainer hooks the image's", () => {
  const notes = notebook();
  const own: Bundle = bundle(withHooks(notes, {}));
  const host = join(freshDirectory("hook"), "hook");
  writeFileSync(host, `#!/bin/sh\necho host >> ${notes.file}\n`, { mode: 0o755 });
  writeFileSync(join(own.rootfs, "hook"), "#!/bin/sh\necho image >> /home/notes\n", { mode: 0o755 });
  const hooks = { createContainer: [{ path: host }], startContainer: [{ path: "/hook" }] };
  writeFileSync(join(own.path, "config.json"), JSON.stringify({ ...own.config, hooks }));
  using one = containerOf(own, uniqueId());
  live(one);
  assert.is(notes.read(), "host\nimage\n");
});

test("hooks of create configure the container's network by its pid", () => {
  const pid = `$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/')`;
  const hook = script(`exec nsenter --net=/proc/${pid}/ns/net ip addr add 192.0.2.7/32 dev lo`);
  for (const kind of ["prestart", "createRuntime"] as const)
    assert.match(inside(["ip", "addr"], { hooks: { [kind]: [hook] } }), /192\.0\.2\.7\/32/, kind);
});

test("neither a new user namespace's root nor its createContainer hooks have groups of the caller's", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  const notes = notebook();
  const pid = `$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/')`;
  const scripts = {
    createRuntime: `grep Groups /proc/${pid}/status > $NOTES; chmod 666 $NOTES`,
    createContainer: "grep Groups /proc/self/status >> $NOTES",
  };
  using one = container(withHooks(notes, scripts, { linux }));
  one.create({ through: ["setpriv", "--groups", "77,100078", "--"] });
  assert.is(notes.read().replaceAll(" ", ""), "Groups:\t\nGroups:\t\n");
});

test("createContainer hooks are root of a new user namespace", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  const seen = seenBy("createContainer", "id -u; id -g; cat /proc/self/uid_map", { linux });
  assert.match(seen, /^0\n0\n +0 +100000 +65536\n$/);
});

test("startContainer hooks have the process's user, groups, capabilities and limits", () => {
  const text = seenBy("startContainer", "cat /proc/self/status; echo limits: $(ulimit -Sn) $(ulimit -Hn)", {
    process: {
      user: { uid: 1000, gid: 1001, additionalGids: [1002] },
      capabilities: capabilities(["CAP_CHOWN"]),
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 77, hard: 88 }],
      noNewPrivileges: true,
    },
  });
  const seen = parseStatus(text);
  assert.match(text, /^limits: 77 88$/m);
  assert.match(seen.get("Uid") ?? "", /^1000\t/);
  assert.match(seen.get("Gid") ?? "", /^1001\t/);
  assert.is(seen.get("Groups"), "1002");
  assert.is(seen.get("CapEff"), "0".repeat(16));
  assert.is(seen.get("CapBnd"), "0000000000000001");
  assert.is(seen.get("NoNewPrivs"), "1");
});

test("startContainer hooks have the process's personality and oomScoreAdj", () => {
  const seen = seenBy("startContainer", "uname -m; cat /proc/self/oom_score_adj", {
    process: { oomScoreAdj: 321 },
    linux: { personality: { domain: "LINUX32" } },
  });
  assert.match(seen, /^(i686|armv8l)\n321\n$/);
});

for (const kind of KINDS)
  test(`${kind} hooks lead a session of their own, with nothing open but their standard streams`, () => {
    // A built-in command: it tells of the hook itself. What ls lists with is its descriptor 3.
    const seen = seenBy(kind, "read -r stat < /proc/self/stat; echo $stat; ls /proc/self/fd");
    const [stat = "", ...open] = seen.trim().split("\n");
    const [pid, , , , group, session, terminal] = stat.split(" ");
    assert.equal([group, session, terminal], [pid, pid, "0"]);
    assert.equal(open, ["0", "1", "2", "3"]);
  });

test("startContainer hooks are under the container's seccomp filter", () => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95 }],
  };
  for (const noNewPrivileges of [true, false]) {
    const seen = seenBy(
      "startContainer",
      "mkdir /home/no 2>&1; grep -E '^Seccomp:|^CapEff' /proc/self/status",
      {
        process: { noNewPrivileges, capabilities: capabilities(["CAP_CHOWN"]) },
        linux: { seccomp },
      },
    );
    assert.match(seen, /not supported/);
    assert.match(seen, /^Seccomp:\t2$/m);
    assert.match(seen, /^CapEff:\t0000000000000001$/m);
  }
});

test("without a mount namespace startContainer hooks have the container's root, too", () => {
  const path = "/only-here/sh";
  const linux = { namespaces: namespaces({ mount: false }), maskedPaths: [], readonlyPaths: [] };
  const hooks = { startContainer: [{ path, args: ["sh", "-c", "test -x /only-here/sh"] }] };
  using one = container({ args: SLEEP, mounts: [], linux, hooks });
  mkdirSync(join(one.bundle.rootfs, "only-here"));
  copyFileSync(join(one.bundle.rootfs, "bin/busybox"), join(one.bundle.rootfs, path));
  one.create();
  one.start();
  assert.is(one.state().status, "running");
});

testTsrun("startContainer hooks start in process.cwd", () => {
  assert.is(seenBy("startContainer", "pwd", { process: { cwd: "/etc" } }), "/etc\n");
});

test("the hooks on the host start in the bundle", () => {
  for (const kind of ["prestart", "createRuntime", "poststart"] as const) {
    const notes = notebook();
    using one = container(withHooks(notes, { [kind]: "pwd > $NOTES" }));
    live(one);
    assert.is(notes.read(), `${one.bundle.path}\n`, kind);
  }
});

for (const kind of KINDS) {
  testTsrun(`a ${kind} hook has no descriptor but its standard streams`, () => {
    const text = "for fd in 0 1 2 3 4 5 6 7 8 9; do (: <&$fd) 2> /dev/null && echo $fd; done";
    const notes = notebook();
    const global = { descriptors: [0, 0, 0, 0, 0, 0, 0] };
    using one = container(withHooks(notes, { [kind]: `seen=$(${text}); echo $seen > $NOTES` }));
    one.create(global);
    one.start();
    one.delete("--force");
    assert.is(notes.read(), "0 1 2\n");
  });
}

// With what

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

test("a hook without a timeout may take its time", () => {
  assert.is(seenBy("createRuntime", "sleep 2; echo done"), "done\n");
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

testTsrun("a startContainer hook has the process's scheduler and I/O priority", () => {
  const process = {
    scheduler: { policy: "SCHED_BATCH", nice: 7 },
    ioPriority: { class: "IOPRIO_CLASS_BE", priority: 1 },
  };
  const seen = seenBy("startContainer", "cut -d ' ' -f 19,41 /proc/self/stat; ionice -p $$", { process });
  assert.is(seen, "7 3\nbest-effort: prio 1\n");
});

test("createContainer hooks have the container's OOM score, and no environment of the runtime's", () => {
  const notes = notebook();
  const read = "cat /proc/self/oom_score_adj; /usr/bin/env | grep TSRUN; true";
  const hook = { path: "/bin/sh", args: ["sh", "-c", `{ ${read}; } > ${notes.file}`] };
  using one = container({ args: SLEEP, process: { oomScoreAdj: 222 }, hooks: { createContainer: [hook] } });
  one.create();
  assert.is(notes.read(), "222\n");
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
