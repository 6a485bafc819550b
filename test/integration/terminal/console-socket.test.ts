// Runs beside other files.
import { closeSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type Patch } from "../../harness/bundle.ts";
import { type Container, container, started } from "../../harness/container.ts";
import { DescriptorSocket, Master } from "../../harness/descriptor-socket.ts";
import { freshDirectory, uniqueId } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { complaint, runtime, silent } from "../../harness/runtime.ts";
import { onTerminal, script } from "../../harness/session.ts";
import { waitUntil } from "../../harness/wait.ts";

const SLEEP = ["sleep", "60"];

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
