// Runs beside other files.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS, type JsonObject, namespaces, type Patch } from "../../harness/bundle.ts";
import { type Container, container, created, inside, started } from "../../harness/container.ts";
import { freshDirectory } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { exists, lives, namespaceOf, parseStatus, status } from "../../harness/processes.ts";
import { complaint, runtime, silent, startRuntime, succeeded } from "../../harness/runtime.ts";
import { slowness } from "../../harness/slowness.ts";
import { waitUntil } from "../../harness/wait.ts";

const SLEEP = ["sleep", "60"];
/** Seconds in which a test gets to look at what it has started. */
const A_WHILE = 0.5 * slowness;

/** A pod's sandbox: pause, as nobody in particular, in a read-only root. */
function startedSandbox(): Container {
  const process = { user: { uid: 65535, gid: 65535 }, capabilities: { bounding: [] } };
  return started({ args: ["/pause"], hostname: "pod", process, root: { readonly: true } }, "pause");
}

/** What makes a container a member of the sandbox's pod. */
function memberOf(sandbox: Container, { sharePid = false } = {}): JsonObject {
  const pid = sandbox.pid();
  return {
    hostname: undefined,
    linux: {
      namespaces: namespaces({
        network: `/proc/${pid}/ns/net`,
        ipc: `/proc/${pid}/ns/ipc`,
        uts: `/proc/${pid}/ns/uts`,
        ...(sharePid ? { pid: `/proc/${pid}/ns/pid` } : {}),
      }),
    },
  };
}

function startedMember(sandbox: Container, patch: Patch, how = {}): Container {
  return started({ ...memberOf(sandbox, how), ...patch });
}

test("workloads share the sandbox's net, ipc and uts namespaces, and have their own of the rest", () => {
  using sandbox = startedSandbox();
  using web = startedMember(sandbox, { args: SLEEP });
  using client = startedMember(sandbox, { args: SLEEP });
  const pids = [sandbox.pid(), web.pid(), client.pid()];
  for (const shared of ["net", "ipc", "uts"] as const) {
    assert.is(new Set(pids.map((pid) => namespaceOf(pid, shared))).size, 1, shared);
  }
  for (const own of ["pid", "mnt"] as const) {
    assert.is(new Set(pids.map((pid) => namespaceOf(pid, own))).size, 3, own);
  }
});

test("a workload fetches a page from another over 127.0.0.1", async () => {
  using sandbox = startedSandbox();
  using web = startedMember(sandbox, {
    args: ["sh", "-c", "echo 'hello, neighbour' > /tmp/page; exec httpd -f -p 127.0.0.1:8080 -h /tmp"],
  });
  await listening(web, 8080);
  const page = inside(["wget", "-q", "-O", "-", "http://127.0.0.1:8080/page"], memberOf(sandbox));
  assert.is(page, "hello, neighbour\n");
});

test("nobody outside the pod hears its 127.0.0.1", async () => {
  using sandbox = startedSandbox();
  using web = startedMember(sandbox, { args: ["httpd", "-f", "-p", "127.0.0.1:8080", "-h", "/"] });
  await listening(web, 8080);
  const outside = inside(["sh", "-c", "wget -q -O - http://127.0.0.1:8080/ 2>&1 || true"]);
  assert.match(outside, /refused/);
});

test("a workload sees the sandbox's hostname", () => {
  using sandbox = startedSandbox();
  assert.is(inside(["hostname"], memberOf(sandbox)), "pod\n");
});

test("workloads share message queues", () => {
  using sandbox = startedSandbox();
  using one = startedMember(sandbox, { args: SLEEP });
  succeeded(one.exec("touch", "/dev/mqueue/letters"));
  assert.is(inside(["ls", "/dev/mqueue"], memberOf(sandbox)), "letters\n");
});

// A shared PID namespace

test("in a shared PID namespace pause is process 1, and everybody sees everybody", async () => {
  using sandbox = startedSandbox();
  using _ = startedMember(sandbox, { args: ["sleep", "61"] }, { sharePid: true });
  const seen = inside(["ps", "-o", "pid,args"], memberOf(sandbox, { sharePid: true }));
  assert.match(seen, /^ +1 +\/pause$/m);
  assert.match(seen, /^ +\d+ +sleep 61$/m);
  assert.match(seen, /^ +\d+ +ps /m);
});

test("pause reaps the orphans of a shared PID namespace", async () => {
  using sandbox = startedSandbox();
  using member = startedMember(sandbox, { args: SLEEP }, { sharePid: true });
  // the subshell ends at once and leaves its child to process 1
  const script = `(sleep ${A_WHILE} >/dev/null 2>&1 & echo $!)`;
  const orphan = Number(succeeded(member.exec("sh", "-c", script)).stdout);
  const seen = parseStatus(succeeded(member.exec("cat", `/proc/${orphan}/status`)).stdout);
  assert.is(seen.get("PPid"), "1", "the orphan is pause's child");
  const gone = () => member.exec("test", "-e", `/proc/${orphan}`).status === 1;
  await waitUntil(gone, "the orphan is reaped");
});

test("pause reaps many orphans at once", async () => {
  using sandbox = startedSandbox();
  using member = startedMember(sandbox, { args: SLEEP }, { sharePid: true });
  succeeded(member.exec("sh", "-c", `for n in $(seq 30); do (sleep ${A_WHILE} >/dev/null 2>&1 &); done`));
  const children = () => readFileSync(`/proc/${sandbox.pid()}/task/${sandbox.pid()}/children`, "utf8");
  assert.is(children().trim().split(" ").length, 30);
  await waitUntil(() => children() === "", "pause has no child left");
});

test("deleting the sandbox of a shared PID namespace ends its workloads", async () => {
  using sandbox = startedSandbox();
  using member = startedMember(sandbox, { args: SLEEP }, { sharePid: true });
  const pid = member.pid();
  sandbox.delete("--force");
  await waitUntil(() => !lives(pid), "the member has ended");
  assert.is(member.state().status, "stopped");
  member.delete();
});

/** A member whose program has ended and left a child to pause, and the child's pid here. */
async function memberWithSurvivor(sandbox: Container): Promise<{ member: Container; survivor: number }> {
  const member = startedMember(sandbox, { args: ["sh", "-c", "sleep 62 & sleep 0.2"] }, { sharePid: true });
  await member.until("stopped");
  const pause = sandbox.pid();
  const survivor = Number(readFileSync(`/proc/${pause}/task/${pause}/children`, "utf8").trim());
  assert.ok(lives(survivor), `process ${survivor} outlives its container's init`);
  return { member, survivor };
}

test("kill --all reaches what a member has left in a shared PID namespace", async () => {
  using sandbox = startedSandbox();
  const { member, survivor } = await memberWithSurvivor(sandbox);
  using _ = member;
  silent(runtime(["kill", "--all", member.id, "9"]));
  await waitUntil(() => !exists(survivor), "the survivor is killed and reaped");
  assert.is(sandbox.state().status, "running");
});

test("delete ends what a member has left in a shared PID namespace", async () => {
  using sandbox = startedSandbox();
  const { member, survivor } = await memberWithSurvivor(sandbox);
  using _ = member;
  member.delete("--force");
  await waitUntil(() => !exists(survivor), "the survivor is killed and reaped");
  assert.is(sandbox.state().status, "running");
});

// The pod's life

test("killing a workload leaves the pod, and another may join", async () => {
  using sandbox = startedSandbox();
  using one = startedMember(sandbox, { args: SLEEP });
  using two = startedMember(sandbox, { args: SLEEP });
  one.kill("KILL");
  await one.until("stopped");
  one.delete();
  assert.is(sandbox.state().status, "running");
  assert.is(two.state().status, "running");
  using three = startedMember(sandbox, { args: SLEEP });
  assert.is(namespaceOf(three.pid(), "net"), namespaceOf(two.pid(), "net"));
});

test("init containers run one after the other, and the sandbox holds the namespaces between them", () => {
  using sandbox = startedSandbox();
  const volume = {
    destination: "/steps",
    type: "bind",
    source: freshDirectory("work"),
    options: ["rbind", "rw"],
  };
  const mounts = [...DEFAULT_MOUNTS, volume];
  const network = namespaceOf(sandbox.pid(), "net");
  for (const step of ["first", "second"]) {
    const script = `echo ${step} >> /steps/log; readlink /proc/self/ns/net`;
    assert.is(inside(["sh", "-c", script], { ...memberOf(sandbox), mounts }), `${network}\n`);
  }
  assert.is(inside(["cat", "/steps/log"], { ...memberOf(sandbox), mounts }), "first\nsecond\n");
});

test("a workload that is created before the sandbox ends may still start", () => {
  using sandbox = startedSandbox();
  using member = created({ ...memberOf(sandbox), args: SLEEP });
  const network = namespaceOf(sandbox.pid(), "net");
  sandbox.delete("--force");
  member.start();
  assert.is(namespaceOf(member.pid(), "net"), network);
});

test("the namespaces of a sandbox that is gone can't be joined any more", () => {
  using sandbox = startedSandbox();
  using member = container({ ...memberOf(sandbox), args: SLEEP });
  sandbox.delete("--force");
  complaint(member.call("create", "--bundle", member.bundle.path));
});

for (const [signal, number] of [
  ["TERM", 15],
  ["INT", 2],
] as const) {
  test(`SIG${signal} ends pause with status 0 and a line that names it`, async () => {
    using sandbox = container({ args: ["/pause"] }, "pause");
    await using run = startRuntime(["run", "--bundle", sandbox.bundle.path, sandbox.id]);
    await waitUntil(() => sandbox.call("state").status === 0, "the sandbox is there");
    await sandbox.until("running");
    sandbox.kill(signal);
    const { status, stdout, stderr } = await run.ended();
    assert.is(status, 0);
    assert.match(stdout + stderr, new RegExp(`SIG${signal}|signal ${number}|terminated|interrupt`, "i"));
  });
}

test("pause takes next to no memory", () => {
  using sandbox = startedSandbox();
  const resident = status(sandbox.pid()).get("VmRSS") ?? "";
  assert.ok(Number.parseInt(resident, 10) <= 100, resident);
});

leavesNothing();
test.run();

/** Waits until something in the container's network namespace listens on a TCP port. */
async function listening(box: Container, port: number): Promise<void> {
  const wanted = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`;
  const table = () => readFileSync(`/proc/${box.pid()}/net/tcp`, "utf8");
  await waitUntil(() => table().includes(wanted), `something listens on ${port}`);
}
