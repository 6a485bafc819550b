// Runs beside other files.
// What a tsrun server bears from those who speak to it.
import { once } from "node:events";
import { readFileSync, renameSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compiled, testCompiled } from "../../harness/compile.ts";
import { type Container, container, started } from "../../harness/container.ts";
import { runtimePath, stateRoot, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { measured } from "../../harness/measured.ts";
import { command } from "../../harness/mount.ts";
import { runtime, silent, startRuntime, succeeded } from "../../harness/runtime.ts";
import { slowness } from "../../harness/slowness.ts";
import { waitUntil } from "../../harness/wait.ts";
import { isWell, type Serving, serving } from "./serving.ts";

const SLEEP = ["sleep", "600"];

/** How many lies are told about each command. */
const LIES = 4;

/** The status of a fake client that can't do what it is to do. */
const UNABLE = 125;

/** The next command is served, by the same server. */
function servesOn(server: Serving): void {
  const before = server.served();
  silent(runtime(["list"], server.call));
  assert.is(server.served(), before + 1, "the next command is served");
  assert.ok(isWell(server), server.printed());
}

/** Connects and says something, or nothing; keeps the connection. */
async function said(server: Serving, bytes: Uint8Array | string) {
  return await Bun.connect({
    unix: server.socket,
    socket: { open: (socket) => void socket.write(bytes), data() {}, drain() {} },
  });
}

const descriptors = (server: Serving) =>
  [...new Bun.Glob("*").scanSync({ cwd: `/proc/${server.pid}/fd`, onlyFiles: false })].length;

testTsrun("a hundred that say nothing, garbage, a part of a hello, or too much", async () => {
  await using server = await serving();
  servesOn(server);
  const before = descriptors(server);
  const hello = new Uint8Array(168);
  hello.set(new TextEncoder().encode("rtserve1"));
  const words = [
    "",
    "rubbish\n",
    hello.subarray(0, 24),
    hello.subarray(0, 167),
    hello,
    "status",
    "status\n\0",
  ];
  const sockets = await Promise.all(
    Array.from({ length: 105 }, (_, index) => said(server, words[index % 7] ?? "")),
  );
  servesOn(server);
  await Bun.sleep(6000);
  await waitUntil(() => descriptors(server) <= before, "the server has closed them all"); // they don't
  servesOn(server);
  for (const socket of sockets) socket.terminate();
});

testTsrun("a hundred that leave at once", async () => {
  await using server = await serving();
  await Promise.all(Array.from({ length: 100 }, async () => (await said(server, "x")).terminate()));
  servesOn(server);
});

testTsrun("100 MB", async () => {
  await using server = await serving();
  const before = server.status().memory;
  const socket = connect(server.socket).on("error", () => {});
  const chunk = new Uint8Array(1_000_000);
  let left = 100;
  while (left > 0 && !socket.destroyed) {
    left -= 1;
    if (!socket.write(chunk)) await once(socket, "drain").catch(() => {}); // or it is closed
  }
  socket.destroy();
  servesOn(server);
  const grown = server.status().memory - before;
  measured("memory of a server after 100 MB of garbage", `${(grown / 1e6).toFixed(1)} MB more`);
  assert.ok(grown < 50_000_000, `${grown}`);
});

/** The number of this build, as patch.ts has noted it before the program's start. */
function build(): string {
  const elf = readFileSync(runtimePath);
  const entry = elf.readBigUInt64LE(24);
  const table = Number(elf.readBigUInt64LE(32));
  for (let at = table; ; at += 56) {
    const [offset, address, size] = [8, 16, 32].map((field) => elf.readBigUInt64LE(at + field));
    if (offset === undefined || address === undefined || size === undefined) throw new Error("no ELF");
    if (elf.readUInt32LE(at) === 1 && entry >= address && entry < address + size)
      return String(elf.readBigUInt64LE(Number(offset + entry - address) - 16));
  }
}

const client = compiled("test/integration/serve/fake-client.c");

function fake(server: Serving, way: string, args: readonly string[], seed = 1) {
  const { pid, exited, stderr } = Bun.spawn([client, "--root", stateRoot, ...args], {
    env: { FAKE: way, BUILD: build(), TSRUN_SERVE: server.socket, SEED: String(seed) },
    ...{ stdout: "ignore", stderr: "pipe", stdin: "ignore" },
  });
  return { pid, exited, said: () => new Response(stderr).text() };
}

/** Command lines that are served, and what removes what they make. */
function commands(box: Container): readonly (readonly [readonly string[], () => void])[] {
  const made = container({ args: SLEEP });
  const none = () => {};
  return [
    [["create", "--bundle", made.bundle.path, made.id], () => made[Symbol.dispose]()],
    [["exec", box.id, "true"], none],
    [["kill", box.id, "URG"], none],
    [["list"], none],
  ];
}

for (const way of [
  "leaves",
  "leaves-when-taken",
  "cuts",
  "empties",
  "scribbles",
  "talks",
  "waits",
  "has-another-ask",
  "has-endless-words",
  "no-proof",
])
  testCompiled(`one that is taken and ${way}`, async () => {
    await using server = await serving();
    using box = started({ args: SLEEP });
    for (const [args, remove] of commands(box)) {
      const one = fake(server, way, args);
      assert.is.not(await one.exited, UNABLE, way);
      servesOn(server);
      assert.is(server.status().refused["another build"], undefined);
      remove();
    }
    if (way === "has-another-ask") assert.is(Object.values(server.status().refused)[0], 4);
    if (way === "has-endless-words")
      assert.equal(server.status().refused, { "failed: UserError: read: EFBIG (file too large)": 4 });
    if (way === "no-proof") assert.equal(server.status().refused, { "may not trace the server": 4 });
    box.kill("KILL"); // the container is as it was
    await box.until("stopped");
  });

/** Whether it answers, which somebody may hold up for a second or two, and does nothing. */
function isDone(server: Serving): boolean {
  try {
    return server.status().running === 0;
  } catch {
    return false;
  }
}

testCompiled("those that lie about what steps have brought", async () => {
  await using server = await serving();
  using box = started({ args: SLEEP });
  for (let seed = 1; seed <= LIES; seed++)
    for (const [args, remove] of commands(box)) {
      const one = fake(server, "lies", args, seed);
      await waitUntil(() => isDone(server), "the server is done with it");
      process.kill(one.pid, "SIGKILL");
      await one.exited;
      servesOn(server);
      remove();
    }
  measured("lies about all steps of a command that a server has borne", `${LIES * 4}`);
});

testCompiled(
  "one that stops for seconds holds up nobody for longer than it takes to do without",
  async () => {
    await using server = await serving();
    using box = started({ args: SLEEP });
    for (const [args, remove] of commands(box)) {
      const one = fake(server, "stops", args);
      const began = performance.now();
      succeeded(runtime(["list"], server.call));
      assert.ok(performance.now() - began < 5000 * slowness);
      await waitUntil(() => isDone(server), "the server is done with it");
      process.kill(one.pid, "SIGCONT");
      await one.exited;
      servesOn(server);
      remove();
    }
  },
);

testTsrun("a FIFO as config.json holds up its own caller alone", async () => {
  await using server = await serving();
  using box = container({ args: SLEEP });
  const config = join(box.bundle.path, "config.json");
  renameSync(config, `${config}.text`);
  command("mkfifo", config);
  await using call = startRuntime(["create", "--bundle", box.bundle.path, box.id], server.call);
  servesOn(server);
  command("cp", `${config}.text`, config);
  succeeded(await call.ended());
  assert.equal(server.status().refused, { "a special file": 1 });
});

testTsrun("a path that is each process's own is the caller's", async () => {
  await using server = await serving();
  using box = started({ args: SLEEP });
  const input = JSON.stringify({
    args: ["echo", "read"],
    cwd: "/",
    user: { uid: 0, gid: 0 },
    env: ["PATH=/bin"],
  });
  const { stdout } = succeeded(
    runtime(["exec", "--process", "/dev/stdin", box.id], { ...server.call, input }),
  );
  assert.is(stdout, "read\n");
  assert.equal(server.status().refused, { "a path of its own": 1 });
});

testTsrun("arguments and an environment of megabytes are read, and served", async () => {
  await using server = await serving();
  const long = "x".repeat(100_000);
  const env = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`LONG_${index}`, long]));
  silent(runtime(["list"], { env: { ...server.call.env, ...env } }));
  assert.is(server.served(), 1);
  using box = started({ args: SLEEP });
  const words = Array.from({ length: 8 }, () => long);
  const script = 'echo "$#"'; // the shell is the program
  assert.is(
    succeeded(runtime(["exec", box.id, "sh", "-c", script, "sh", ...words], server.call)).stdout,
    "8\n",
  );
  assert.is(server.served(), 2);
  assert.ok(isWell(server));
});

leavesNothing();
test.run();
