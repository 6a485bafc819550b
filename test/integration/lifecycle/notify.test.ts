// Runs beside other files.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces, type Patch } from "../../harness/bundle.ts";
import { compiled, testCompiled } from "../../harness/compile.ts";
import { type Container, containerOf } from "../../harness/container.ts";
import { freshDirectory, isTsrun, stateRoot, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mountAt, parseMounts } from "../../harness/mountinfo.ts";
import { type Call, complaint, runtime, silent, startRuntime, succeeded } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";

const program = compiled("test/integration/lifecycle/notify.c");
/** What runc 1.1 does another way: it does not ask the manager to acknowledge. */
const testOwn = isTsrun ? testCompiled : testTsrun;

/** A service manager that listens at `path`, and says what it was told. */
interface Manager extends Disposable {
  readonly call: Call;
  told(): string;
  ended(): boolean;
}

async function manager(path = join(freshDirectory("manager"), "socket")): Promise<Manager> {
  const child: ChildProcess = spawn(program, ["host", path], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const listens = () => readFileSync("/proc/net/unix", "utf8").includes(` ${path}\n`);
  await waitUntil(listens, "the manager listens");
  return {
    call: { env: { NOTIFY_SOCKET: path } },
    told: () => text,
    ended: () => child.exitCode !== null,
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

/** A container that says these texts at its NOTIFY_SOCKET, with a pause before each. */
function service(texts: readonly string[], patch: Patch = {}): Container {
  const says = texts.map((text) => `sleep 0.2; notify say "$(printf '${text}')"`);
  const own = bundle({ args: ["sh", "-c", [...says, "exec sleep 60"].join("; ")], ...patch });
  copyFileSync(program, join(own.rootfs, "bin/notify"));
  mkdirSync(join(own.rootfs, "run/notify")); // root of a user namespace could not make it
  return containerOf(own, uniqueId());
}

const MAPPINGS = [{ containerID: 0, hostID: 100000, size: 65536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: MAPPINGS, gidMappings: MAPPINGS };

for (const [what, patch] of [
  ["a container", {}],
  [
    "one with a user namespace, as another user",
    { linux: MAPPED, process: { user: { uid: 1000, gid: 1000 } } },
  ],
] as const satisfies readonly (readonly [string, Patch])[]) {
  testOwn(`start returns when ${what} is ready, and has told the service manager of it`, async () => {
    using host = await manager();
    using one = service(["STATUS=starting", "READY=1\\nSTATUS=up"], patch);
    one.create(host.call);
    assert.is(host.told(), "");
    silent(runtime(["start", one.id], host.call));
    await waitUntil(host.ended, "the manager was asked to acknowledge");
    assert.is(host.told(), `READY=1\nMAINPID=${one.pid()}\nBARRIER=1\n`);
  });
}

testOwn("only a line that begins with READY= is readiness, and nothing else is passed on", async () => {
  using host = await manager();
  using one = service(["STATUS=READY=1", "MAINPID=1\\nREADY=1\\nFDSTORE=1"]);
  silent(runtime(["run", "--detach", "--bundle", one.bundle.path, one.id], host.call));
  await waitUntil(host.ended, "the manager was asked to acknowledge");
  assert.is(host.told(), `READY=1\nMAINPID=${one.pid()}\nBARRIER=1\n`);
});

testOwn("the way to the socket can't be guessed, and is no place for programs or devices", async () => {
  using host = await manager();
  using one = service(["READY=1"]);
  one.create(host.call);
  const { root, options } = mountAt(
    parseMounts(readFileSync(`/proc/${one.pid()}/mountinfo`, "utf8")),
    "/run/notify",
  );
  assert.match(root, /\/notify\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  for (const flag of ["ro", "nosuid", "noexec", "nodev"]) assert.ok(options.includes(flag), flag);
  silent(runtime(["start", one.id], host.call));
});

testOwn("the directory belongs to the container's root, wherever that is among the mappings", async () => {
  using host = await manager();
  const mappings = [
    { containerID: 1, hostID: 200001, size: 1000 },
    { containerID: 0, hostID: 100000, size: 1 },
  ];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  using one = service(["READY=1"], { linux });
  one.create(host.call);
  assert.is(statSync(join(stateRoot, one.id, "notify")).uid, 100000);
  silent(runtime(["start", one.id], host.call));
});

testOwn("a foreground run tells that it is the process to watch, and goes on", async () => {
  using host = await manager();
  using one = service(["READY=1"]);
  await using run = startRuntime(["run", "--bundle", one.bundle.path, one.id], host.call);
  await waitUntil(host.ended, "the manager was asked to acknowledge");
  assert.is(host.told(), `READY=1\nMAINPID=${run.pid}\nBARRIER=1\n`);
  assert.is(one.state().status, "running");
});

testOwn("a foreground run tells what the container said right before its end", async () => {
  for (let round = 0; round < 5; round++) {
    using host = await manager();
    using one = service([], { args: ["sh", "-c", "notify say READY=1; exit 3"] });
    const run = runtime(["run", "--bundle", one.bundle.path, one.id], host.call);
    assert.is(run.status, 3);
    await waitUntil(host.ended, "the manager was asked to acknowledge");
    assert.match(host.told(), /^READY=1\nMAINPID=\d+\nBARRIER=1\n$/);
  }
});

testOwn("hooks of a start that makes the socket have the caller's umask", async () => {
  using host = await manager();
  const seen = join(freshDirectory("hook"), "umask");
  const poststart = [{ path: "/bin/sh", args: ["sh", "-c", `umask >${seen}`] }];
  using one = service(["READY=1"], { hooks: { poststart } });
  one.create(host.call);
  const through = ["sh", "-c", 'umask 0027; exec "$@"', "sh"];
  silent(runtime(["start", one.id], { ...host.call, through }));
  assert.is(readFileSync(seen, "utf8"), "0027\n");
});

testOwn("a detached run returns when the container is ready", async () => {
  using host = await manager();
  using one = service(["READY=1"]);
  silent(runtime(["run", "--detach", "--bundle", one.bundle.path, one.id], host.call));
  await waitUntil(host.ended, "the manager was asked to acknowledge");
  assert.is(host.told(), `READY=1\nMAINPID=${one.pid()}\nBARRIER=1\n`);
});

testOwn("a manager may listen at an abstract name", async () => {
  using host = await manager(`@${uniqueId()}`);
  using one = service(["READY=1"]);
  one.create(host.call);
  silent(runtime(["start", one.id], host.call));
  await waitUntil(host.ended, "the manager was asked to acknowledge");
});

testCompiled("start returns when the container ends without being ready", async () => {
  using host = await manager();
  using one = service(["STATUS=failing"], { args: ["sh", "-c", "sleep 0.3; exit 1"] });
  one.create(host.call);
  silent(runtime(["start", one.id], host.call));
  assert.is(host.told(), "");
});

testOwn("a container whose manager has gone runs all the same", () => {
  using one = service(["READY=1"]);
  const call = { env: { NOTIFY_SOCKET: "/none/socket" } };
  one.create(call);
  const { stderr } = succeeded(runtime(["start", one.id], call));
  assert.match(stderr, /^tsrun: warning: the container is ready, but NOTIFY_SOCKET=\/none\/socket .*ENOENT/);
  assert.is(one.state().status, "running");
});

testCompiled("a start that nobody wants to hear of does not wait", () => {
  using one = service([]);
  one.create({ env: { NOTIFY_SOCKET: "/none/socket" } });
  one.start(); // returns, though the container will never say that it is ready
  assert.is(one.state().status, "running");
});

testOwn("a container that was created without a socket is not waited for", async () => {
  using host = await manager();
  using one = service([]);
  one.create();
  silent(runtime(["start", one.id], host.call));
  assert.is(host.told(), "");
});

testOwn("another user of the host does not find the socket", async () => {
  using host = await manager();
  using one = service(["READY=1"]);
  one.create(host.call);
  const nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];
  const list = (path: string) => spawnSync("setpriv", [...nobody, "ls", path], { encoding: "utf8" });
  assert.match(list(join(stateRoot, one.id)).stderr, /Permission denied/);
  const [name = ""] = readdirSync(join(stateRoot, one.id, "notify"));
  assert.match(list(join(stateRoot, one.id, "notify", name)).stderr, /Permission denied/); // mountinfo tells it
  silent(runtime(["start", one.id], host.call));
});

testOwn("what the container's user puts in the socket's place leads nowhere else", async () => {
  using host = await manager();
  const theirs = freshDirectory("theirs");
  writeFileSync(join(theirs, "notify.sock"), "", { mode: 0o600 });
  {
    using one = service(["READY=1"], { linux: MAPPED });
    one.create(host.call);
    const place = join(stateRoot, one.id, "notify");
    const [name = ""] = readdirSync(place); // the directory is the user's
    rmdirSync(join(place, name));
    symlinkSync(theirs, join(place, name));
    assert.match(complaint(runtime(["start", one.id], host.call)), /ELOOP|ENOTDIR/);
    mkdirSync(join(place, "deep/er"), { recursive: true });
    symlinkSync(theirs, join(place, "deep/link"));
  }
  assert.is(statSync(join(theirs, "notify.sock")).mode & 0o777, 0o600);
});

testOwn("a link in the place of the socket itself is replaced, not followed", async () => {
  using host = await manager();
  const theirs = freshDirectory("theirs");
  using one = service(["READY=1"], { linux: MAPPED });
  one.create(host.call);
  const place = join(stateRoot, one.id, "notify");
  const [name = ""] = readdirSync(place);
  symlinkSync(join(theirs, "made"), join(place, name, "notify.sock"));
  silent(runtime(["start", one.id], host.call));
  await waitUntil(host.ended, "the manager was asked to acknowledge");
  assert.equal(readdirSync(theirs), []);
});

leavesNothing();
test.run();
