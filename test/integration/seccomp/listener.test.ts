// Runs beside other files.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { JsonObject } from "../../harness/bundle.ts";
import { compiled, testCompiled } from "../../harness/compile.ts";
import { type Container, container, ran, started } from "../../harness/container.ts";
import { freshDirectory } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { complaint } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";
import { ALLOWED, MKDIR, type Profile, testNarrow } from "./profiles.ts";

// A listener decides

/** The test's seccomp agent: makes calls to create a directory fail with EDQUOT. */
class Agent implements AsyncDisposable {
  readonly socket = join(freshDirectory("agent"), "socket");
  private readonly log = `${this.socket}.log`;
  private readonly process: ChildProcess;

  constructor() {
    this.process = spawn(agent, [this.socket, this.log], { stdio: ["ignore", "ignore", "inherit"] });
  }

  async ready(): Promise<void> {
    await waitUntil(() => existsSync(this.socket), "the seccomp agent listens");
  }

  /** What came with the nth listener. */
  async message(nth: number): Promise<ProcessState> {
    const lines = () => readFileSync(this.log, "utf8").split("\n").slice(0, -1);
    await waitUntil(() => lines().length >= nth, `listener ${nth} has come`);
    return JSON.parse(lines()[nth - 1] ?? "");
  }

  profile(names: readonly string[] = MKDIR, more: JsonObject = {}): Profile {
    const syscalls = [{ names, action: "SCMP_ACT_NOTIFY" }];
    return { ...ALLOWED, syscalls, listenerPath: this.socket, ...more };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const end = new Promise((resolve) => this.process.on("exit", resolve));
    this.process.kill("SIGKILL");
    await end;
  }
}

/** config-linux.md, "The Container Process State". */
interface ProcessState {
  readonly ociVersion: string;
  readonly fds: readonly string[];
  readonly pid: number;
  readonly metadata?: string;
  readonly state: {
    readonly id: string;
    readonly status: string;
    readonly pid: number;
    readonly bundle: string;
  };
}

const agent = compiled("test/integration/seccomp/agent.c");

async function listening(): Promise<Agent> {
  const made = new Agent();
  await made.ready();
  return made;
}

testCompiled("a listener decides about a container's calls, and knows whose they are", async () => {
  await using handler = await listening();
  const seccomp = handler.profile(MKDIR, { listenerMetadata: "some words" });
  using box = container({ args: ["sh", "-c", "mkdir /tmp/x; sleep 60"], linux: { seccomp } });
  box.create();
  const message = await handler.message(1);
  assert.equal(message.fds, ["seccompFd"]);
  assert.is(message.metadata, "some words");
  assert.is(message.pid, box.pid());
  assert.is(message.state.id, box.id);
  assert.is(message.state.status, "creating");
  assert.is(message.state.pid, box.pid());
  assert.is(message.state.bundle, box.bundle.path);
  box.start();
  await waitUntil(() => box.printed() !== "", "the container has tried");
  assert.match(box.printed(), /quota exceeded/i);
});

testNarrow("exec has a listener of its own", async () => {
  await using handler = await listening();
  using box = started({ args: ["sleep", "60"], linux: { seccomp: handler.profile() } });
  assert.match(box.exec("mkdir", "/tmp/x").stderr, /quota exceeded/i);
  const message = await handler.message(2);
  assert.is(message.state.status, "running");
  assert.is(message.state.pid, box.pid());
  assert.is.not(message.pid, box.pid());
});

for (const noNewPrivileges of [true, false]) {
  const how = noNewPrivileges ? "with" : "without";
  testNarrow(`${how} noNewPrivileges a listener may decide about the runtime's own last calls`, async () => {
    await using handler = await listening();
    const seccomp = handler.profile([...MKDIR, "futex", "execve", "close_range", "write"]);
    const args = ["sh", "-c", "echo hello; mkdir /tmp/x"];
    const { stdout, stderr } = ran({ args, process: { noNewPrivileges }, linux: { seccomp } });
    assert.is(stdout, "hello\n");
    assert.match(stderr, /quota exceeded/i);
  });
}

test("a container whose listener nobody takes is not made", async () => {
  const left = watchLeaks();
  const listenerPath = join(freshDirectory("agent"), "nobody");
  const syscalls = [{ names: MKDIR, action: "SCMP_ACT_NOTIFY" }];
  const box: Container = container({
    args: ["true"],
    linux: { seccomp: { ...ALLOWED, syscalls, listenerPath } },
  });
  const said = complaint(box.call("create", "--bundle", box.bundle.path));
  assert.match(
    said,
    /failed to connect with seccomp agent .*\/nobody: connect: ENOENT \(no such file or directory\)/,
  );
  assert.is.not(box.call("state").status, 0);
  await left("of a failed create");
});

leavesNothing();
test.run();
