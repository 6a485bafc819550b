// Runs beside other files.
// Who is no tsrun server, and who can't reach one.
import { chmodSync, closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CAPABILITIES } from "../../../runtime-spec/config-process.ts";
import { memfdCreate } from "../../../src/kernel/calls.ts";
import { here } from "../../../src/kernel/here.ts";
import { sendDescriptor } from "../../../src/kernel/socket.ts";
import { capabilities, namespaces } from "../../harness/bundle.ts";
import { ran } from "../../harness/container.ts";
import { freshDirectory, runtimePath, stateRoot, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mounted } from "../../harness/mount.ts";
import { UID } from "../../harness/ordinary-user.ts";
import { status } from "../../harness/processes.ts";
import { complaint, type Outcome, startRuntime, succeeded } from "../../harness/runtime.ts";
import { slowness } from "../../harness/slowness.ts";
import { isWell, serving } from "./serving.ts";

type Socket = Bun.Socket<undefined>;

const bytes = (...words: readonly (string | number)[]) =>
  Uint8Array.from(
    words.flatMap((word) => (typeof word === "number" ? [word] : [...new TextEncoder().encode(word)])),
  );

/** What a command comes to where somebody listens who does this when it says hello. */
async function fooled(
  answer: (socket: Socket) => void,
  listen: <T>(act: () => T) => T = (act) => act(),
): Promise<Outcome> {
  const directory = freshDirectory("fake");
  chmodSync(directory, 0o777);
  const path = join(directory, "socket");
  using listener = listen(() => Bun.listen({ unix: path, socket: { data: answer } }));
  assert.ok(listener);
  await using call = startRuntime(["list"], { env: { TSRUN_SERVE: path } });
  const outcome = await call.ended();
  listener.stop(true);
  return outcome;
}

/** Sends words, the first with a descriptor. */
function send(socket: Socket, words: string, descriptor: number): void {
  const { fd } = socket as unknown as { readonly fd: number }; // Bun has it, and its types don't
  sendDescriptor(fd, bytes(words), descriptor);
}

/** Says these words, and hangs up. */
const lastly =
  (...words: readonly (string | number)[]) =>
  (socket: Socket) =>
    void socket.end(bytes(...words));

/** After these the command is done as without a server. */
const HARMLESS: Readonly<Record<string, (socket: Socket) => void>> = {
  "never answers": () => {},
  "hangs up": (socket) => socket.terminate(),
  "says no": (socket) => void socket.write(bytes("n")),
  "says something": (socket) => void socket.write(bytes("?!")),
};

for (const [what, answer] of Object.entries(HARMLESS))
  testTsrun(`a fake server that ${what} costs no more than time`, async () => {
    assert.match(succeeded(await fooled(answer)).stdout, /^ID /);
  });

/** A file of so many bytes. */
function file(length: number): number {
  const path = join(freshDirectory("file"), "mailbox");
  writeFileSync(path, new Uint8Array(length));
  return openSync(path, "r+");
}

const giving = (words: string, open: () => number) => (socket: Socket) => {
  const descriptor = open();
  send(socket, words, descriptor);
  closeSync(descriptor);
};

/** After these nobody can say what has been made. */
const FATAL: Readonly<Record<string, (socket: Socket) => void>> = {
  "takes the command and hangs up": lastly("t"),
  "takes it and says no": (socket) => void socket.write(bytes("tn")),
  "gives a mailbox without a file": (socket) => void socket.write(bytes("tm")),
  "gives a file that is empty": giving("m", () => here(memfdCreate("empty", 0))),
  "gives one that is too short": giving("m", () => file(8192)),
  "gives a device": giving("m", () => openSync("/dev/zero", "r+")),
  "gives a directory": giving("m", () => openSync("/", "r")),
  "gives a file without anything in it, and hangs up": (socket) => {
    giving("m", () => file(1 << 20))(socket);
    socket.end();
  },
  "hangs up in an answer's head": lastly("a", 0, 0, 0, 0, 0xff, 0xff, 0xff),
  "promises four gigabytes and hangs up": lastly(
    "a",
    ...new Uint8Array(4),
    ...new Uint8Array(8).fill(0xff),
    "words",
  ),
};

for (const [what, answer] of Object.entries(FATAL))
  testTsrun(`a command whose fake server ${what} ends with a line`, async () => {
    const began = performance.now();
    assert.match(complaint(await fooled(answer)), /^tsrun: error: the tsrun that served this command/);
    assert.ok(performance.now() - began < 5000 * slowness);
  });

testTsrun("nobody is fooled by another user's", async () => {
  const asUser = <T>(act: () => T) => {
    process.seteuid?.(UID);
    try {
      return act();
    } finally {
      process.seteuid?.(0);
    }
  };
  let asked = 0;
  const outcome = await fooled(() => {
    asked += 1;
  }, asUser);
  assert.is(succeeded(outcome).stderr, "");
  assert.is(asked, 0);
});

testTsrun("a server takes the place of no file but a socket", async () => {
  const path = join(freshDirectory("no-socket"), "file");
  writeFileSync(path, "words\n");
  await using call = startRuntime(["serve"], { env: { TSRUN_SERVE: path }, root: null });
  assert.is(complaint(await call.ended()), `tsrun: error: serve: ${path}: exists, and is not a socket`);
});

/** This process's own. */
const bits = BigInt(`0x${status(process.pid).get("CapPrm")}`);
const HELD = CAPABILITIES.filter((_, index) => (bits >> BigInt(index)) & 1n);

const SAME = namespaces({ pid: false, network: false, ipc: false, uts: false });

for (const [what, list, reason] of [
  ["its own namespaces", namespaces(), "another ipc namespace"],
  ["all of the host's but that of mounts", SAME, "another mnt namespace"],
] as const)
  testTsrun(`root of a container with the socket's directory and ${what} is not served`, async () => {
    const directory = freshDirectory("run");
    await using server = await serving({ socket: join(directory, "socket") });
    const host = freshDirectory("host");
    using _ = mounted(host, "--rbind", "/");
    const outcome = ran({
      args: [
        "chroot",
        "/host",
        "/usr/bin/env",
        `TSRUN_SERVE=${server.socket}`,
        runtimePath,
        "--root",
        stateRoot,
        "list",
      ],
      process: { capabilities: capabilities(HELD), noNewPrivileges: false },
      mounts: [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/host", type: "bind", source: host, options: ["rbind"] },
      ],
      linux: { namespaces: list, maskedPaths: [], readonlyPaths: [] },
      hostname: undefined,
    });
    assert.match(succeeded(outcome).stdout, /^ID /);
    assert.equal([server.served(), server.status().refused], [0, { [reason]: 1 }]);
    assert.ok(isWell(server));
  });

leavesNothing();
test.run();
