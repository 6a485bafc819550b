// Runs beside other files.
import { chmodSync, chownSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, type JsonObject, namespaces } from "../../harness/bundle.ts";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { type Container, container, created, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { commandLine, lives, namespaceOf, parseStatus, status } from "../../harness/processes.ts";
import {
  type Call,
  complaint,
  type Outcome,
  runtime,
  silent,
  startRuntime,
  succeeded,
} from "../../harness/runtime.ts";
import { spinUntil, waitUntil } from "../../harness/wait.ts";

const SLEEP = ["sleep", "60"];

// One container for most of the tests: exec leaves it as it was
const box: Container = container({ args: SLEEP, process: { env: ["PATH=/bin", "OWN=1"], cwd: "/etc" } });
test.before(() => {
  box.create();
  box.start();
});

/** `exec FLAGS ID ARGS…` in the shared container. */
function exec(flags: readonly string[], args: readonly string[], call: Call = {}): Outcome {
  return runtime(["exec", ...flags, box.id, ...args], call);
}

/** `exec --process FILE ID`, with a process as exec takes it, changed. */
function execProcess(changes: JsonObject, ...flags: string[]): Outcome {
  const file = join(freshDirectory("process"), "process.json");
  const process = { user: { uid: 0, gid: 0 }, args: ["true"], env: ["PATH=/bin"], cwd: "/", ...changes };
  writeFileSync(file, JSON.stringify(process));
  return exec(["--process", file, ...flags], []);
}

test("exec runs a program in the container's namespaces, root and cgroup", () => {
  const script = "for kind in pid net ipc uts mnt; do readlink /proc/self/ns/$kind; done";
  const seen = succeeded(exec([], ["sh", "-c", script]))
    .stdout.trim()
    .split("\n");
  const files = ["pid", "net", "ipc", "uts", "mnt"] as const;
  assert.equal(
    seen,
    files.map((file) => namespaceOf(box.pid(), file)),
  );
});

for (const flags of [[], ["--tty"]])
  testTsrun(`exec ${flags.join(" ")} of a caller without standard streams has others in their place`, () => {
    const file = join(box.bundle.rootfs, "tmp/streams");
    const through = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"];
    const script = 'seen=$(for n in 0 1 2; do readlink /proc/$$/fd/$n; done); echo "$seen" >/tmp/streams';
    silent(exec(flags, ["sh", "-c", script], { through }));
    const expected = flags.length === 0 ? /^(\/dev\/null\n){3}$/ : /^(\/dev\/pts\/\d+\n){3}$/;
    assert.match(readFileSync(file, "utf8"), expected);
  });

testTsrun("exec in a container whose init is ending says that it is not running", async () => {
  using one = started({ args: SLEEP });
  const init = one.pid();
  await using other = startRuntime(["exec", one.id, "sh", "-c", "echo on; exec sleep 60"]);
  await waitUntil(() => other.printed().stdout !== "", "the other process runs");
  other.child.kill("SIGSTOP"); // it does not reap its process, for which the init waits
  silent(runtime(["kill", one.id, "KILL"]));
  await waitUntil(() => !leadsTo(`/proc/${init}/ns/net`), "it ends");
  assert.match(
    complaint(one.exec("true")),
    /^tsrun: error: container \S+: cannot exec in a stopped container: container not running/,
  );
  other.child.kill("SIGCONT");
  assert.is((await other.ended()).status, 128 + 9);
});

/** Whether a link of proc leads anywhere. */
function leadsTo(link: string): boolean {
  try {
    return readlinkSync(link) !== "";
  } catch {
    return false;
  }
}

test("exec's program is not process 1, and sees who is", () => {
  const seen = succeeded(exec([], ["sh", "-c", "echo $$; cat /proc/1/comm"])).stdout;
  assert.match(seen, /^([2-9]|\d\d+)\nsleep\n$/);
});

for (const code of [0, 1, 3, 255]) {
  test(`exec exits with the program's status ${code}`, () => {
    assert.is(exec([], ["sh", "-c", `exit ${code}`]).status, code);
  });
}

test("exec's program leads a session of its own: it has no hold on its caller's terminal", () => {
  const script = "cut -d' ' -f1,5,6,7 /proc/self/stat"; // pid, process group, session, terminal
  const [pid, group, session, terminal] = succeeded(box.exec("sh", "-c", `exec ${script}`))
    .stdout.trim()
    .split(" ");
  assert.equal([group, session, terminal], [pid, pid, "0"]);
});

test("exec exits with 128+n when a signal ends the program", () => {
  assert.is(exec([], ["sh", "-c", "kill -TERM $$"]).status, 143);
  assert.is(exec([], ["sh", "-c", "kill -KILL $$"]).status, 137);
});

test("stdin, stdout and stderr are the program's", () => {
  const { stdout, stderr } = exec([], ["sh", "-c", "cat; echo err >&2"], { input: "hello\n" });
  assert.is(stdout, "hello\n");
  assert.is(stderr, "err\n");
});

test("flags after the container's id are the program's", () => {
  assert.is(succeeded(exec([], ["echo", "--cwd", "-e", "x"])).stdout, "--cwd -e x\n");
});

test("the environment and working directory are the container's", () => {
  const seen = succeeded(exec([], ["sh", "-c", "pwd; echo $OWN $CALLERS"], { env: { CALLERS: "x" } })).stdout;
  assert.is(seen, "/etc\n1\n");
});

test("--cwd is the working directory", () => {
  assert.is(succeeded(exec(["--cwd", "/bin"], ["pwd"])).stdout, "/bin\n");
});

test("--env adds to the environment, as often as it is given, and wins", () => {
  const flags = ["--env", "A=1", "--env", "B=two words", "--env", "OWN=other"];
  assert.is(succeeded(exec(flags, ["sh", "-c", 'echo "$A|$B|$OWN"'])).stdout, "1|two words|other\n");
});

test("what is wrong with exec's process is not said to be in config.json", () => {
  assert.match(
    complaint(exec([], ["nowhere"])),
    /^tsrun: error: process\.args\[0\]: "nowhere": executable file not found/,
  );
  assert.match(
    complaint(execProcess({ args: ["nowhere"] })),
    /^tsrun: error: process\.args\[0\]: "nowhere": executable/,
  );
});

testTsrun("the log tells of capabilities that exec leaves out", () => {
  const directory = freshDirectory("log");
  const file = join(directory, "process.json");
  const process = { user: { uid: 0, gid: 0 }, args: ["/bin/true"], cwd: "/" };
  writeFileSync(file, JSON.stringify({ ...process, capabilities: { bounding: ["CAP_NOR_THIS"] } }));
  const call = { global: ["--log", join(directory, "log")] };
  silent(exec(["--cap", "CAP_NOT_THIS"], ["true"], call));
  silent(exec(["--process", file], [], call));
  assert.match(
    readFileSync(join(directory, "log"), "utf8"),
    /^.* level=warning .*CAP_NOT_THIS.*\n.* level=warning .*CAP_NOR_THIS.*\n$/,
  );
});

for (const [flag, value] of [
  ["--env", "NAME"],
  ["--env", "=value"],
  ["--cwd", "etc"],
] as const) {
  test(`${flag} ${value} is refused as it would be in config.json`, () => {
    const failed = exec([flag, value], ["true"]);
    assert.is(failed.status, 255);
    assert.ok(complaint(failed).includes(value));
  });
}

test("a variable that --env sets again is there once: getenv(3) would take the first", () => {
  const seen = succeeded(exec(["--env", "OWN=2", "--env", "OWN=3"], ["/usr/bin/env"])).stdout;
  assert.equal(seen.match(/^OWN=.*$/gm), ["OWN=3"]);
});

for (const [user, uid, gid] of [
  ["1000", "1000", "0"],
  ["1000:1001", "1000", "1001"],
] as const) {
  test(`--user ${user} is user ${uid} and group ${gid}`, () => {
    const seen = parseStatus(succeeded(exec(["--user", user], ["cat", "/proc/self/status"])).stdout);
    assert.is(seen.get("Uid")?.split("\t")[0], uid);
    assert.is(seen.get("Gid")?.split("\t")[0], gid);
  });
}

for (const user of ["root", "1:x", "-1", ":5"]) {
  test(`--user ${user} is refused, as it isn't made of numbers`, () => {
    complaint(exec(["--user", user], ["true"]));
  });
}

for (const flags of [
  ["--user", "4294967295"],
  ["--user", "4294967296"],
  ["--user", "5:4294967295"],
  ["--additional-gids", "4294967296"],
]) {
  testTsrun(`${flags.join(" ")} is refused: the kernel would take it for another id`, () => {
    assert.match(complaint(exec(flags, ["true"])), /takes ids from 0 to 4294967294/);
  });
}

test("the capabilities, limits and noNewPrivileges are the container's", () => {
  const seen = parseStatus(succeeded(exec([], ["cat", "/proc/self/status"])).stdout);
  const init = status(box.pid());
  for (const field of ["CapBnd", "CapEff", "CapPrm", "CapInh", "NoNewPrivs", "Umask"] as const) {
    assert.is(seen.get(field), init.get(field), field);
  }
  const limits = succeeded(exec([], ["cat", "/proc/self/limits"])).stdout;
  assert.is(limits, readFileSync(`/proc/${box.pid()}/limits`, "utf8"));
});

test("the oomScoreAdj is the container's", () => {
  using one = started({ args: ["sleep", "60"], process: { oomScoreAdj: 500 } });
  assert.is(succeeded(one.exec("cat", "/proc/self/oom_score_adj")).stdout, "500\n");
});

testTsrun("the oomScoreAdj of a process file is the program's", () => {
  const { stdout } = execProcess({ args: ["cat", "/proc/self/oom_score_adj"], oomScoreAdj: 600 });
  assert.is(stdout, "600\n");
});

test("exec's program starts with default dispositions and an empty mask", () => {
  const seen = parseStatus(succeeded(exec([], ["cat", "/proc/self/status"])).stdout);
  for (const field of ["SigBlk", "SigIgn"]) assert.is(seen.get(field), "0".repeat(16), field);
});

test("--process takes all of the process from a file", () => {
  const outcome = execProcess({
    args: ["sh", "-c", "pwd; echo $A; cat /proc/self/status; exit 4"],
    cwd: "/bin",
    env: ["PATH=/bin", "A=file"],
    user: { uid: 5, gid: 6, additionalGids: [7] },
    capabilities: capabilities(["CAP_KILL"], { ambient: true }),
    noNewPrivileges: true,
  });
  assert.is(outcome.status, 4);
  assert.match(outcome.stdout, /^\/bin\nfile\n/);
  const seen = parseStatus(outcome.stdout);
  assert.is(seen.get("Uid"), "5\t5\t5\t5");
  assert.is(seen.get("Gid"), "6\t6\t6\t6");
  assert.is(seen.get("Groups"), "7");
  assert.is(seen.get("CapEff"), "0000000000000020");
  assert.is(seen.get("NoNewPrivs"), "1");
});

testTsrun("the umask of a process file is the program's", () => {
  const { stdout } = execProcess({ args: ["sh", "-c", "umask"], user: { uid: 0, gid: 0, umask: 0o077 } });
  assert.is(stdout, "0077\n");
});

test("a process file with a mistake is refused", () => {
  complaint(execProcess({ args: "true" }));
  complaint(execProcess({ cwd: "relative" }));
});

test("a process file that isn't there is refused", () => {
  assert.match(
    complaint(exec(["--process", "/not/there"], [])),
    "--process /not/there: cannot be read: ENOENT",
  );
});

test("--detach returns while the program goes on; --pid-file tells who it is", async () => {
  const file = join(freshDirectory("pid"), "pid");
  silent(exec(["--detach", "--pid-file", file], ["sleep", "61"]));
  const pid = readFileSync(file, "utf8");
  assert.match(pid, /^\d+$/);
  await waitUntil(() => commandLine(Number(pid)) === "sleep 61", "the program is sleep");
  assert.is(namespaceOf(Number(pid), "mnt"), namespaceOf(box.pid(), "mnt"));
  process.kill(Number(pid), "SIGKILL");
  await waitUntil(() => !lives(Number(pid)), "it has ended");
});

test("--process with --detach and --pid-file, as containerd calls it", async () => {
  const file = join(freshDirectory("pid"), "pid");
  silent(execProcess({ args: ["sleep", "62"] }, "--detach", "--pid-file", file));
  const pid = Number(readFileSync(file, "utf8"));
  await waitUntil(() => commandLine(pid) === "sleep 62", "the program is sleep");
  process.kill(pid, "SIGKILL");
  await waitUntil(() => !lives(pid), "it has ended");
});

for (const signal of ["TERM", "INT", "USR1"] as const) {
  test(`SIG${signal} to a foreground exec reaches its program`, async () => {
    const script = `trap "exit 9" ${signal}; echo ready; while :; do sleep 0.02; done`;
    await using running = startRuntime(["exec", box.id, "sh", "-c", script]);
    await waitUntil(() => running.printed().stdout === "ready\n", "exec is ready");
    process.kill(running.pid, `SIG${signal}`);
    assert.is((await running.ended()).status, 9);
  });
}

test("a signal right after the program's first word reaches it", async () => {
  for (let round = 0; round < 20; round++) {
    const script = 'trap "exit 9" TERM; echo ready; while :; do sleep 0.02; done';
    await using running = startRuntime(["exec", box.id, "sh", "-c", script]);
    spinUntil(() => running.printed().stdout !== "");
    process.kill(running.pid, "SIGTERM");
    assert.is((await running.ended()).status, 9);
  }
});

test("two at a time don't disturb each other", async () => {
  const both = [1, 2, 3, 4].map((n) => startRuntime(["exec", box.id, "sh", "-c", `sleep 0.1; echo ${n}`]));
  const outcomes = await Promise.all(both.map((running) => running.ended()));
  assert.equal(
    outcomes.map(({ stdout }) => stdout),
    ["1\n", "2\n", "3\n", "4\n"],
  );
});

test("a program that isn't there is refused in one line that names it", () => {
  const said = complaint(exec([], ["not-there"]));
  assert.match(said, /not-there/);
});

test("a file that can't be executed is refused", () => {
  assert.match(complaint(exec([], ["/etc"])), /permission denied|is a directory|EACCES/i);
});

test("exec without a program is refused", () => {
  assert.ok(exec([], []).status !== 0);
});

test("exec into a container that isn't there is refused", () => {
  assert.match(complaint(runtime(["exec", uniqueId(), "true"])), /does not exist/);
});

test("exec into a stopped container is refused", async () => {
  using stopped = started({ args: ["true"] });
  await stopped.until("stopped");
  assert.match(complaint(stopped.exec("true")), /stopped|not running/);
});

testTsrun("exec into a created container runs beside its waiting process", () => {
  using waiting = created({ args: SLEEP });
  assert.is(succeeded(waiting.exec("echo", "here")).stdout, "here\n");
  assert.is(waiting.state().status, "created");
});

test("exec into a user namespace is its mapped user", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  using mapped = started({ args: SLEEP, linux });
  const seen = succeeded(mapped.exec("sh", "-c", "id -u; cat /proc/self/uid_map")).stdout;
  assert.match(seen, /^0\n +0 +100000 +65536\n$/);
});

testTsrun("exec into a container without any namespace of its own runs in its rootfs", () => {
  const linux = { namespaces: [], maskedPaths: [], readonlyPaths: [] };
  using bare = started({ args: SLEEP, hostname: undefined, mounts: [], linux });
  assert.is(succeeded(bare.exec("ls", "/")).stdout, succeeded(box.exec("ls", "/")).stdout);
});

test("a program left by exec ends with the container", async () => {
  using one = started({ args: SLEEP });
  const file = join(freshDirectory("pid"), "pid");
  silent(runtime(["exec", "--detach", "--pid-file", file, one.id, "sleep", "63"]));
  const pid = Number(readFileSync(file, "utf8"));
  one.delete("--force");
  await waitUntil(() => !lives(pid), `process ${pid} has ended`);
});

test("after all this the container is as it was, with its init alone", async () => {
  using same = box;
  assert.is(same.state().status, "running");
  const directory = cgroup2Of(same.pid());
  assert.is(readFileSync(join(directory, "cgroup.procs"), "utf8"), `${same.pid()}\n`);
});

test("--cap is ambient, too, where the container's process may inherit it", () => {
  const may = capabilities(["CAP_CHOWN", "CAP_KILL"]);
  for (const [inheritable, ambient] of [
    [["CAP_CHOWN"], "0000000000000001"],
    [["CAP_KILL"], "0000000000000000"],
    [undefined, "0000000000000000"],
  ] as const) {
    using one = started({
      args: SLEEP,
      process: { capabilities: { ...may, inheritable } },
    });
    const read = ["grep", "^CapAmb", "/proc/self/status"];
    const call = ["exec", "--user", "1000", "--cap", "CAP_CHOWN", one.id, ...read];
    assert.is(succeeded(runtime(call)).stdout, `CapAmb:\t${ambient}\n`);
  }
});

testTsrun("--cap takes a capability as docker writes it", () => {
  using one = started({ args: SLEEP, process: { capabilities: capabilities(["CAP_KILL"]) } });
  const read = [one.id, "grep", "^CapEff", "/proc/self/status"];
  for (const word of ["CAP_CHOWN", "CHOWN", "chown"])
    assert.is(
      succeeded(runtime(["exec", "--cap", word, ...read])).stdout,
      "CapEff:\t0000000000000021\n",
      word,
    );
});

testTsrun("a -- between the id and the command, as kubectl has it, is left out", () => {
  using one = started({ args: SLEEP });
  assert.is(succeeded(runtime(["exec", one.id, "--", "echo", "--", "a"])).stdout, "-- a\n");
  assert.match(complaint(runtime(["exec", one.id, "--"])), "exec: no command");
});

test("--user UID alone changes the user, and leaves group and additional groups the container's", () => {
  using one = started({ args: SLEEP, process: { user: { uid: 1, gid: 1001, additionalGids: [33] } } });
  const read = ["sh", "-c", "id -u; id -g; grep ^Groups /proc/self/status"];
  const { stdout } = succeeded(runtime(["exec", "--user", "1000", one.id, ...read]));
  assert.is(stdout.trimEnd(), "1000\n1001\nGroups:\t33");
  assert.match(
    succeeded(runtime(["exec", "--user", "1000:7", one.id, ...read])).stdout,
    /^1000\n7\nGroups:\t33/,
  );
});

test("--cwd may be below a directory that the user may search, and root of the user namespace may not", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  using box = started({ args: ["sleep", "60"], linux });
  const place = join(box.bundle.rootfs, "private");
  mkdirSync(join(place, "work"), { recursive: true });
  chownSync(place, 101000, 300000); // a group that is not mapped: root has no say
  chmodSync(place, 0o700);
  const flags = ["--user", "1000:1000", "--cwd", "/private/work"];
  assert.is(succeeded(runtime(["exec", ...flags, box.id, "pwd"])).stdout, "/private/work\n");
});

test("--additional-gids come after the container's own, also with another user", () => {
  const user = { uid: 5, gid: 6, additionalGids: [7] };
  using box = started({ args: ["sleep", "60"], process: { user } });
  const groups = ["sh", "-c", "grep ^Groups /proc/self/status"];
  assert.is(succeeded(box.exec(...groups)).stdout.trim(), "Groups:\t7");
  for (const flags of [[], ["--user", "8:9"]]) {
    const { stdout } = succeeded(runtime(["exec", "--additional-gids", "10", ...flags, box.id, ...groups]));
    assert.is(stdout.trim(), "Groups:\t7 10");
  }
});

test("exec of a process from a file has the container's capabilities, limits and oom_score_adj", () => {
  const rlimits = [{ type: "RLIMIT_NOFILE", soft: 77, hard: 88 }];
  using box = started({ args: ["sleep", "60"], process: { oomScoreAdj: 300, rlimits } });
  const file = join(freshDirectory("exec"), "process.json");
  const show = ["sh", "-c", "grep ^Cap /proc/self/status; ulimit -n; cat /proc/self/oom_score_adj"];
  writeFileSync(file, JSON.stringify({ args: show, cwd: "/", env: ["PATH=/bin"] }));
  const { stdout } = succeeded(runtime(["exec", "--process", file, box.id]));
  assert.is(stdout, succeeded(box.exec(...show)).stdout);
  assert.match(stdout, /\n77\n300\n$/);
});

leavesNothing();
test.run();
