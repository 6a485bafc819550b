/** tsrun's client and the D-Bus project's own bus: a bus that listens in a directory of this test's. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BusError, BusLostError, Connection } from "../../../src/dbus/connection.ts";
import type { Value } from "../../../src/dbus/values.ts";
import { close } from "../../../src/kernel/calls.ts";
import { here } from "../../../src/kernel/here.ts";
import { connectUnix } from "../../../src/kernel/socket.ts";
import { serveMany } from "../../../src/kernel/wait.ts";
import { rejected } from "../../harness/rejected.ts";
import { testIf } from "../../harness/skip.ts";
import { Ticks } from "../../harness/ticks.ts";
import { waitUntil } from "../../harness/wait.ts";

const BUS = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
};
const testWithBus = testIf(Bun.which("dbus-daemon") !== null, "needs dbus-daemon");

serveMany();

const soon = (milliseconds = 5000) => performance.now() + milliseconds;

/** A message bus of this test, which takes any call. */
async function bus(): Promise<AsyncDisposable & { readonly socket: string; readonly daemon: ChildProcess }> {
  const directory = mkdtempSync(join(tmpdir(), "tsrun-bus-"));
  const socket = join(directory, "bus");
  const policy = '<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>';
  writeFileSync(
    join(directory, "conf"),
    `<busconfig><type>system</type><listen>unix:path=${socket}</listen><auth>EXTERNAL</auth>
    <policy context="default">${policy}</policy></busconfig>`,
  );
  const daemon = spawn(
    "dbus-daemon",
    ["--config-file", join(directory, "conf"), "--nofork", "--nopidfile", "--nosyslog"],
    { stdio: "ignore" },
  );
  const ended = new Promise((resolve) => daemon.on("close", resolve));
  await waitUntil(() => connects(socket), "the bus listens");
  return {
    socket,
    daemon,
    async [Symbol.asyncDispose]() {
      daemon.kill();
      await ended;
      rmSync(directory, { recursive: true });
    },
  };
}

testWithBus(
  "a bus lets this user in, and calls are answered in whatever order they are asked for",
  async () => {
    await using there = await bus();
    using connection = await Connection.to(there.socket);
    const hello = connection.send({ ...BUS, member: "Hello" });
    const owned = connection.send({
      ...BUS,
      member: "NameHasOwner",
      signature: "s",
      body: [BUS.destination],
    });
    assert.equal(await connection.answer(owned, soon()), [true]);
    const [name] = await connection.answer(hello, soon());
    assert.match(String(name), /^:1\.\d+$/);
    assert.ok(connection.sharesPids);
  },
);

testWithBus("what systemd is told passes the bus's own check, and arrives as it was sent", async () => {
  await using there = await bus();
  using connection = await Connection.to(there.socket);
  const [name] = await connection.answer(connection.send({ ...BUS, member: "Hello" }), soon());
  const body: Value[] = [
    "tsrun-box.scope",
    "replace",
    [
      ["Delegate", { signature: "b", value: true }],
      ["PIDs", { signature: "au", value: [1, 4_194_304] }],
      ["DeviceAllow", { signature: "a(ss)", value: [["/dev/char/1:3", "rwm"]] }],
      ["IOReadBandwidthMax", { signature: "a(st)", value: [["/dev/block/8:0", 2n ** 64n - 1n]] }],
    ],
    [],
  ];
  const call = { destination: String(name), path: "/a", interface: "a.b", member: "StartTransientUnit" };
  connection.send({ ...call, signature: "ssa(sv)a(sa(sv))", body });
  const arrived = await connection.receive(({ member }) => member === "StartTransientUnit", soon());
  assert.equal(arrived.body, body);
});

testWithBus("an error is thrown by its name", async () => {
  await using there = await bus();
  using connection = await Connection.to(there.socket);
  connection.send({ ...BUS, member: "Hello" });
  const asked = connection.send({ ...BUS, member: "GetNameOwner", signature: "s", body: ["org.nobody"] });
  const error = await rejected(connection.answer(asked, soon()));
  assert.instance(error, BusError);
  assert.match(error.message, /^org\.freedesktop\.DBus\.Error\.NameHasNoOwner: /);
});

testWithBus("a bus that ends is noticed", async () => {
  await using there = await bus();
  using connection = await Connection.to(there.socket);
  await connection.answer(connection.send({ ...BUS, member: "Hello" }), soon());
  there.daemon.kill("SIGKILL");
  const answered = async () => connection.answer(connection.send({ ...BUS, member: "ListNames" }), soon());
  const lost = await rejected(answered());
  assert.instance(lost, BusLostError);
  assert.match(lost.message, "closed");
});

/** A socket is there a moment before somebody listens. */
function connects(socket: string): boolean {
  try {
    here(close(connectUnix(socket)));
    return true;
  } catch {
    return false;
  }
}

/** A listener that accepts, says `greeting` and no more. */
async function listener(greeting: string): Promise<AsyncDisposable & { readonly socket: string }> {
  const directory = mkdtempSync(join(tmpdir(), "tsrun-bus-"));
  const socket = join(directory, "bus");
  const script = `const net = require("node:net");
    net.createServer((peer) => peer.write(${JSON.stringify(greeting)}))
      .listen(${JSON.stringify(socket)}, () => require("node:fs").writeFileSync(${JSON.stringify(`${socket}-listens`)}, ""));`;
  const child = spawn(process.execPath, ["-e", script], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("close", resolve));
  await waitUntil(() => existsSync(`${socket}-listens`), "it listens");
  return {
    socket,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
      rmSync(directory, { recursive: true });
    },
  };
}

for (const [what, greeting, complaint] of [
  ["that never answers", "", /no answer in time/],
  ["that accepts and then says nothing", "DATA\r\nOK 12\r\n", /no answer in time/],
  ["that refuses this user", "REJECTED EXTERNAL\r\n", /does not accept this user/],
] as const)
  test(`a listener ${what} holds nobody up, and is not waited for longer than was said`, async () => {
    await using there = await listener(greeting);
    using connection = await Connection.to(there.socket);
    using ticks = new Ticks();
    const before = performance.now();
    assert.match((await rejected(connection.answer(1, soon(200)))).message, complaint);
    assert.ok(performance.now() - before < 10_000);
    ticks.requireRegular();
  });

testWithBus("who waits to be let in is told when that is done, or that nobody answers", async () => {
  await using there = await bus();
  using connection = await Connection.to(there.socket);
  await connection.untilAccepted(soon());
  connection.send({ ...BUS, member: "Hello" });
  there.daemon.kill("SIGSTOP");
  using second = await Connection.to(there.socket);
  assert.instance(await rejected(second.untilAccepted(soon(100))), BusLostError);
  there.daemon.kill("SIGCONT");
});

test("a listener that speaks something else is refused", async () => {
  await using there = await listener("DATA\r\nOK 12\r\nHTTP/1.1 400 Bad Request\r\n\r\n");
  using connection = await Connection.to(there.socket);
  const { message } = await rejected(connection.answer(1, soon(2000)));
  assert.match(message, "in a form that tsrun does not know");
});

test.run();
