// Runs beside other files.
import {
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, type JsonObject, namespaces, type Patch } from "../harness/bundle.ts";
import { type Container, container, containerOf, ran, started } from "../harness/container.ts";
import { DescriptorSocket, Master } from "../harness/descriptor-socket.ts";
import { freshDirectory, testTsrun, uniqueId } from "../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../harness/leaks.ts";
import { complaint, runtime, silent, startRuntime, succeeded } from "../harness/runtime.ts";
import { type AtTerminal, atTerminal } from "../harness/terminal.ts";
import { waitUntil } from "../harness/wait.ts";

const SLEEP = ["sleep", "60"];

/** A patch for a container whose process has a terminal. */
function onTerminal(args: readonly string[], process: JsonObject = {}, more: Patch = {}): Patch {
  return { ...more, process: { terminal: true, args: [...args], ...process } };
}

const script = (text: string) => ["sh", "-c", text];

/** A `run` from a terminal, going on. */
interface Session extends AtTerminal {
  readonly box: Container;
}

function running(args: readonly string[], process: JsonObject = {}, more: Patch = {}): Session {
  const box = containerOf(bundle(onTerminal(args, process, more)), uniqueId());
  const session = atTerminal(["run", "--bundle", box.bundle.path, box.id]);
  return {
    ...session,
    box,
    async [Symbol.asyncDispose]() {
      box[Symbol.dispose]();
      await session[Symbol.asyncDispose]();
    },
  };
}

/** What a program prints on the caller's terminal; throws unless it exits 0. */
async function shown(args: readonly string[], process: JsonObject = {}, more: Patch = {}): Promise<string> {
  await using session = running(args, process, more);
  const status = await session.ended();
  if (status !== 0) throw new Error(`exited with ${status}: ${session.printed()}`);
  return session.printed().replaceAll("\r\n", "\n");
}

// What a process has of its terminal

test("the standard streams are a terminal of the container's own devpts", async () => {
  assert.is(await shown(script("tty; test -t 0 && test -t 1 && test -t 2 && echo all")), "/dev/pts/0\nall\n");
});

test("nothing but the standard streams is open", async () => {
  assert.is(await shown(script("ls /proc/self/fd | tr '\\n' ' '")), "0 1 2 3 "); // the last is ls's own
});

test("the terminal controls the process's session, of which it is the leader", async () => {
  assert.is(await shown(script("echo spoken > /dev/tty")), "spoken\n");
  // proc_pid_stat(5): session, tty_nr as major << 8 | minor, tpgid
  assert.is(await shown(script("cut -d' ' -f6-8 /proc/self/stat | sed 's/ .* / 34816 /'")), "1 34816 1\n");
});

test("/dev/console is that terminal", async () => {
  const compare = 'echo here > /dev/console; stat -c "%F %t:%T" /dev/console /dev/pts/0';
  const [said, console, slave] = (await shown(script(compare))).split("\n");
  assert.is(said, "here");
  assert.is(console, "character special file 88:0");
  assert.is(slave, console);
});

test("the terminal is the process's user's, and the group is devpts' choice", async () => {
  const seen = await shown(script('stat -c "%u:%g %a" /dev/pts/0; echo mine > /dev/pts/0'), {
    user: { uid: 1000, gid: 1000 },
  });
  assert.is(seen, "1000:5 620\nmine\n");
});

test("in a user namespace it is its mapped user's", async () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  const text = 'tty; stat -c "%u" /dev/console; echo spoken > /dev/tty';
  assert.is(await shown(script(text), { user: { uid: 33, gid: 33 } }, { linux }), "/dev/pts/0\n33\nspoken\n");
});

test("in the host's pid namespace, and with a read-only root, it is all the same", async () => {
  const more = { linux: { namespaces: namespaces({ pid: false }) }, root: { readonly: true } };
  assert.is(await shown(script("tty; echo spoken > /dev/console"), {}, more), "/dev/pts/0\nspoken\n");
});

testTsrun("a container without a devpts is refused, and the message says what is missing", async () => {
  const left = watchLeaks();
  const mounts = DEFAULT_MOUNTS.filter(({ destination }) => destination !== "/dev/pts");
  const said = complaint(ran(onTerminal(["true"], {}, { mounts })));
  assert.match(said, /process\.terminal \(needs a devpts on \/dev\/pts\).*no such file/);
  await left("of a failed run");
});

testTsrun("a link in the place of the devpts is not followed", () => {
  const mounts = DEFAULT_MOUNTS.filter(({ destination }) => !/^\/dev(\/pts)?$/.test(String(destination)));
  const made = bundle(onTerminal(["true"], {}, { mounts }));
  mkdirSync(join(made.rootfs, "dev"), { recursive: true });
  symlinkSync("/proc/self/fd", join(made.rootfs, "dev/pts"));
  assert.match(complaint(runtime(["run", "--bundle", made.path, uniqueId()])), /process\.terminal.*ELOOP/);
});

// Size

test("process.consoleSize is the terminal's size where the caller has none", () => {
  const consoleSize = { height: 12, width: 34 };
  assert.is(ran(onTerminal(script("stty size"), { consoleSize })).stdout, "12 34\r\n");
});

test("the caller's terminal has the say about the size", async () => {
  assert.is(await shown(script("stty size"), { consoleSize: { height: 12, width: 34 } }), "33 90\n");
});

test("a window that changes its size tells the programs inside", async () => {
  await using session = running(
    script("trap 'stty size; exit 5' WINCH; echo ready; while :; do sleep 0.02; done"),
  );
  await session.until("ready");
  session.resize(60, 20);
  assert.is(await session.ended(), 5);
  assert.match(session.printed(), /20 60/);
});

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

// Streams that are no terminal

test("without a terminal of the caller's, what is piped in is typed, and its end ends the input", () => {
  const { status, stdout } = ran(onTerminal(script("cat; cat; echo over; exit 3")), { input: "first\nlast" });
  assert.is(status, 3);
  assert.match(stdout, /last.*over\r\n$/s);
});

test("a shell without input ends at once", () => {
  assert.is(ran(onTerminal(["sh", "-i"])).status, 0);
});

test("a shell executes what is piped in", () => {
  const { status, stdout } = ran(onTerminal(["sh"]), { input: "echo $((6 * 7))\nexit 9\n" });
  assert.is(status, 9);
  assert.match(stdout, /\r\n42\r\n/);
});

test("a program whose output nobody takes any more is hung up", () => {
  const text = 'trap "exit 5" HUP; echo line; while :; do echo more; sleep 0.02; done';
  const made = bundle(onTerminal(script(text)));
  using box = containerOf(made, uniqueId());
  const command = 'exec 3>&1; { "$@" </dev/null; echo "ended $?" >&3; } | head -n 1 >&3';
  const call = { through: ["sh", "-c", command, "sh"] };
  assert.is(runtime(["run", "--bundle", made.path, box.id], call).stdout, "line\r\nended 5\n");
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

/** Fails, without printing it all, unless `text` is what `cat /lines` prints on a terminal. */
function expectLines(text: string): void {
  assert.is(text.length, LINES * (LINE.length + 1));
  assert.ok(text === "0123456\r\n".repeat(LINES), "every line is whole");
}

test("10 MB to a file come through whole", () => {
  using box = talkative("cat /lines");
  expectLines(succeeded(runtime(["run", "--bundle", box.bundle.path, box.id])).stdout);
});

test("10 MB to the caller's terminal come through whole", async () => {
  using box = talkative("cat /lines");
  await using session = atTerminal(["run", "--bundle", box.bundle.path, box.id]);
  assert.is(await session.ended(), 0);
  expectLines(session.printed());
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
    assert.match(stdout, /\r\n500\r\nthe end$/);
  }
});

// Exec

for (const terminal of [true, false]) {
  const whose = terminal ? "one more terminal than" : "a terminal, unlike";
  test(`exec --tty gives a process ${whose} the container's own process`, async () => {
    using socket = new DescriptorSocket();
    using box = container(terminal ? onTerminal(SLEEP) : { args: SLEEP });
    silent(
      runtime([
        ...["create", "--bundle", box.bundle.path],
        ...(terminal ? ["--console-socket", socket.path] : []),
        box.id,
      ]),
    );
    using _ = terminal ? new Master(socket.receive()) : null;
    box.start();
    const text = "tty; echo spoken > /dev/tty; stty size; stat -c %t:%T /dev/console 2>/dev/null; exit 6";
    await using session = atTerminal(["exec", "--tty", box.id, "sh", "-c", text]);
    assert.is(await session.ended(), 6);
    const number = terminal ? 1 : 0;
    const console = terminal ? "88:0\r\n" : "";
    assert.is(session.printed(), `/dev/pts/${number}\r\nspoken\r\n33 90\r\n${console}`);
    assert.ok(session.isCooked());
  });
}

test("exec without --tty has the caller's streams, also in a container with a terminal", () => {
  using socket = new DescriptorSocket();
  using box = container(onTerminal(SLEEP));
  silent(runtime(["create", "--bundle", box.bundle.path, "--console-socket", socket.path, box.id]));
  using _ = new Master(socket.receive());
  box.start();
  assert.is(box.exec("sh", "-c", "tty; exit 0").stdout, "not a tty\n");
});

test("exec --tty has nothing open but its terminal, which is its user's", async () => {
  using box = started({ args: SLEEP });
  const text = "stat -c %u:%g /dev/pts/0; ls /proc/self/fd | tr '\\n' ' '";
  await using session = atTerminal(["exec", "--tty", "--user", "12:13", box.id, "sh", "-c", text]);
  assert.is(await session.ended(), 0);
  assert.is(session.printed(), "12:5\r\n0 1 2 3 ");
});

test("a program that exec --tty leaves behind does not hold it up", async () => {
  using box = started({ args: SLEEP });
  const text = "trap '' HUP; sleep 60 & echo left";
  await using session = atTerminal(["exec", "--tty", box.id, "sh", "-c", text]);
  assert.is(await session.ended(), 0);
  assert.is(session.printed(), "left\r\n");
});

test("a program that exec --tty leaves behind, and that goes on printing, does not hold it up", async () => {
  using box = started({ args: SLEEP });
  const text = "trap '' HUP; yes & echo left";
  await using session = atTerminal(["exec", "--tty", box.id, "sh", "-c", text]);
  assert.is(await session.ended(), 0);
});

test("Ctrl-C in exec --tty interrupts its program, and not the container's", async () => {
  using box = started({ args: SLEEP });
  await using session = atTerminal(["exec", "--tty", box.id, "sh", "-c", "echo ready; exec sleep 60"]);
  await session.until("ready");
  session.type("\x03");
  assert.is(await session.ended(), 128 + 2);
  assert.ok(session.isCooked());
  assert.is(box.state().status, "running");
});

// Console sockets

/** A created container whose terminal has gone through a socket. */
function sent(patch: Patch, name?: string): Container & { readonly master: Master } {
  const box = container(patch);
  try {
    using socket = new DescriptorSocket(name);
    silent(runtime(["create", "--bundle", box.bundle.path, "--console-socket", socket.path, box.id]));
    const master = new Master(socket.receive());
    return {
      ...box,
      master,
      [Symbol.dispose]() {
        master[Symbol.dispose]();
        box[Symbol.dispose]();
      },
    };
  } catch (error) {
    box[Symbol.dispose]();
    throw error;
  }
}

test("create --console-socket sends the master, and start talks through it", async () => {
  const consoleSize = { height: 12, width: 34 };
  using box = sent(onTerminal(script("stty size; read -r line; echo got $line; sleep 60"), { consoleSize }));
  assert.is(box.master.printed(), "");
  box.start();
  await box.master.until("12 34\r\n");
  box.master.type("this\n");
  await box.master.until("got this\r\n");
});

test("what was typed before start is there", async () => {
  using box = sent(onTerminal(script("read -r line; echo got $line")));
  box.master.type("early\n");
  box.start();
  await box.master.until("got early\r\n");
  await box.until("stopped");
  await waitUntil(() => box.master.isHungUp(), "the terminal is hung up");
});

test("whoever closes the master hangs the container up", async () => {
  using box = sent(onTerminal(script("trap 'exit 0' HUP; echo ready; while :; do sleep 0.02; done")));
  box.start();
  await box.master.until("ready");
  closeSync(box.master.fd);
  await box.until("stopped");
  box.master[Symbol.dispose] = () => {};
});

test("nobody but the container and the receiver holds the terminal", async () => {
  using box = sent(onTerminal(SLEEP));
  box.delete("--force");
  await waitUntil(() => box.master.isHungUp(), "the terminal is hung up");
});

test("the created container that waits has the terminal already", () => {
  using box = sent(onTerminal(SLEEP));
  const fds = [0, 1, 2].map((fd) => readlinkSync(`/proc/${box.pid()}/fd/${fd}`));
  assert.equal(fds, ["/dev/pts/0", "/dev/pts/0", "/dev/pts/0"]);
  assert.equal(readdirSync(`/proc/${box.pid()}/fd`).sort(), ["0", "1", "2"]);
});

test("a socket's path may be long", async () => {
  using box = sent(onTerminal(script("echo here; sleep 60")), "s".repeat(100));
  box.start();
  await box.master.until("here");
});

test("run --detach --console-socket sends the master too", async () => {
  using socket = new DescriptorSocket();
  using box = container(onTerminal(script("echo here; exec sleep 60")));
  const { path } = box.bundle;
  silent(runtime(["run", "--detach", "--bundle", path, "--console-socket", socket.path, box.id]));
  using master = new Master(socket.receive());
  await master.until("here");
});

test("exec --detach --console-socket, with a process of a file, as conmon calls it", async () => {
  using socket = new DescriptorSocket();
  using box = started({ args: SLEEP });
  const file = join(freshDirectory("process"), "process.json");
  const process = { terminal: true, cwd: "/", env: ["PATH=/bin"], user: { uid: 0, gid: 0 } };
  writeFileSync(file, JSON.stringify({ ...process, args: script("tty; read -r line; echo got $line") }));
  silent(
    runtime([
      ...["exec", "--pid-file", `${file}.pid`, "--process", file],
      ...["--detach", "--tty", "--console-socket", socket.path, box.id],
    ]),
  );
  using master = new Master(socket.receive());
  await master.until("/dev/pts/0");
  master.type("that\n");
  await master.until("got that");
  assert.match(readFileSync(`${file}.pid`, "utf8"), /^\d+$/);
});

test("the message with the master names it, as runc's does", () => {
  using socket = new DescriptorSocket();
  using box = container(onTerminal(SLEEP));
  silent(runtime(["create", "--bundle", box.bundle.path, "--console-socket", socket.path, box.id]));
  const { text, fd } = socket.receive();
  closeSync(fd);
  assert.is(text, "/dev/ptmx");
});

// Refusals

const NO_SOCKET = /cannot allocate tty if \w+ will detach without setting console socket/;
const NO_USE = /cannot use console socket if \w+ will not detach or allocate tty/;

for (const [title, terminal, flags, said] of [
  ["create with a terminal needs --console-socket", true, ["create"], NO_SOCKET],
  ["run --detach with a terminal needs --console-socket", true, ["run", "--detach"], NO_SOCKET],
  ["create without a terminal has no use for it", false, ["create", "--console-socket", "/x"], NO_USE],
  ["run in the foreground has no use for it", true, ["run", "--console-socket", "/x"], NO_USE],
  ["a socket that isn't there is refused", true, ["create", "--console-socket", "/x"], /\/x.*no such file/],
] as const) {
  test(title, async () => {
    const left = watchLeaks();
    const made = bundle(terminal ? onTerminal(["true"]) : { args: ["true"] });
    assert.match(complaint(runtime([...flags, "--bundle", made.path, uniqueId()])), said);
    await left("of a refused call");
  });
}

test("exec with a terminal that detaches needs --console-socket, and fails with 255", () => {
  using box = started({ args: SLEEP });
  const outcome = runtime(["exec", "--tty", "--detach", box.id, "true"]);
  assert.match(complaint(outcome), NO_SOCKET);
  assert.is(outcome.status, 255);
});

test("a socket that nobody listens at any more is refused, and nothing is left", async () => {
  const left = watchLeaks();
  const socket = new DescriptorSocket();
  socket[Symbol.dispose]();
  const made = bundle(onTerminal(["true"]));
  const args = ["create", "--bundle", made.path, "--console-socket", socket.path, uniqueId()];
  assert.match(complaint(runtime(args)), /connection refused/);
  await left("of a refused call");
});

// Pidfd sockets

/** The process of a received pidfd, as this process numbers it. */
function pidOf(fd: number): number {
  const pid = /^Pid:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
  closeSync(fd);
  return Number(pid);
}

test("create --pidfd-socket sends a pidfd of the container's process", () => {
  using socket = new DescriptorSocket();
  using box = container({ args: SLEEP });
  silent(runtime(["create", "--bundle", box.bundle.path, "--pidfd-socket", socket.path, box.id]));
  const { text, fd } = socket.receive();
  assert.is(text, "standard");
  assert.is(pidOf(fd), box.pid());
});

test("exec --pidfd-socket sends one of its process", () => {
  using socket = new DescriptorSocket();
  using box = started({ args: SLEEP });
  const file = join(freshDirectory("pid"), "pid");
  const flags = ["--detach", "--pidfd-socket", socket.path, "--pid-file", file];
  silent(runtime(["exec", ...flags, box.id, ...SLEEP]));
  const { text, fd } = socket.receive();
  assert.is(text, "setns");
  assert.is(String(pidOf(fd)), readFileSync(file, "utf8"));
});

test("a container whose pidfd nobody takes is not made", async () => {
  const left = watchLeaks();
  const made = bundle({ args: SLEEP });
  const args = ["create", "--bundle", made.path, "--pidfd-socket", "/not/there", uniqueId()];
  assert.match(complaint(runtime(args)), /--pidfd-socket \/not\/there.*no such file/);
  await left("of a refused call");
});

leavesNothing();
test.run();
