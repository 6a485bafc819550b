// Needs containerd, ctr, ip, /usr/lib/cni/bridge.
import { readFileSync, readlinkSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespaceOf, processes, status } from "../harness/processes.ts";
import { waitUntil } from "../harness/wait.ts";
import { watchMachine } from "./leaks.ts";
import { FOREVER, runPod } from "./pod.ts";
import { podsOfContainerd } from "./pods-of-containerd.ts";
import { podsSeen } from "./pods-seen.ts";

const { cri, leavesNothing } = await podsOfContainerd();

test("containerd is ready, and so is the pods' network", async () => {
  const { conditions } = (await cri.call("Status")).status;
  assert.equal(
    conditions.map(({ type, status }) => ({ type, status })),
    [
      { type: "RuntimeReady", status: true },
      { type: "NetworkReady", status: true },
    ],
  );
});

test("list --tree --all-roots shows the pod by its names in Kubernetes, the sandbox first", async () => {
  await using pod = await runPod(cri);
  const web = await pod.run("web", FOREVER);
  const [found] = podsSeen().filter(({ sandbox }) => sandbox === pod.id);
  assert.match(found?.name ?? "", /^default\/pod\d+$/);
  assert.equal(
    found?.containers.map(({ id, name, runtime, status }) => ({ id, name, runtime, status })),
    [
      { id: pod.id, name: undefined, runtime: "tsrun", status: "running" },
      { id: web.id, name: "web", runtime: "tsrun", status: "running" },
    ],
  );
});

test("a pod's whole life, and nothing is left of it", async () => {
  const left = watchMachine();
  const pod = await runPod(cri, {}, { hostname: "web-0" });
  const named = { pod_sandbox_id: pod.id };
  const web = await pod.run("web", "echo ready; exec httpd -f -p 8080 -h /www");
  const side = await pod.run("side", FOREVER);

  assert.is((await cri.call("PodSandboxStatus", named)).status.runtime_handler, "tsrun");
  const listed = await cri.call("ListContainers", { filter: named });
  assert.equal(listed.containers.map(({ metadata: { name }, state }) => `${name} ${state}`).sort(), [
    "side CONTAINER_RUNNING",
    "web CONTAINER_RUNNING",
  ]);
  const { status, stdout, stderr } = await side.exec("sh", "-c", "hostname; echo err >&2; exit 9");
  assert.equal({ status, stdout, stderr }, { status: 9, stdout: "web-0\n", stderr: "err\n" });
  assert.is(web.log(), "ready\n");
  assert.is((await cri.call("ContainerStats", { container_id: web.id })).stats.attributes.id, web.id);

  await cri.call("StopContainer", { container_id: side.id, timeout: 10 });
  assert.is((await side.status()).exit_code, 0);
  await cri.call("RemoveContainer", { container_id: side.id });
  await pod.stop();
  assert.is((await web.status()).state, "CONTAINER_EXITED");
  assert.is((await cri.call("PodSandboxStatus", named)).status.state, "SANDBOX_NOTREADY");
  await cri.call("RemovePodSandbox", named);
  assert.equal((await cri.call("ListPodSandbox")).items, []);
  await left("of a pod that was removed");
});

test("a pod's address answers the host, and its containers share it and localhost", async () => {
  await using pod = await runPod(cri);
  await pod.run("web", "httpd -f -p 8080 -h /www");
  const side = await pod.run("side", FOREVER);
  const address = await pod.ip();
  assert.match(address, /^10\.88\.0\.\d+$/);
  await waitUntil(() => listens(8080), "httpd listens");
  assert.match(await (await fetch(`http://${address}:8080/`)).text(), /Hello from a pod/);
  assert.match(
    (await side.exec("wget", "-q", "-O", "-", "http://127.0.0.1:8080/")).stdout,
    /Hello from a pod/,
  );
  assert.match((await side.exec("ip", "-o", "address")).stdout, new RegExp(`eth0 +inet ${address}/`));
  assert.match((await side.exec("cat", "/etc/resolv.conf")).stdout, /nameserver 10\.88\.0\.1/);
});

/** Whether a process of this machine listens at a port, in whichever network namespace. */
function listens(port: number): boolean {
  const socket = new RegExp(`:${port.toString(16).toUpperCase()} 0+:0000 0A`);
  return processes().some((pid) => socket.test(read(`/proc/${pid}/net/tcp`) + read(`/proc/${pid}/net/tcp6`)));
}

/** Empty for what has gone meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // readFileSync throws nothing else
    if (code === "ENOENT" || code === "ESRCH" || code === "EINVAL") return "";
    throw error;
  }
}

test("two pods have networks of their own, and reach each other", async () => {
  await using one = await runPod(cri);
  await using two = await runPod(cri);
  await one.run("web", "httpd -f -p 8081 -h /www");
  const client = await two.run("client", FOREVER);
  await waitUntil(() => listens(8081), "httpd listens");
  const url = `http://${await one.ip()}:8081/`;
  assert.match((await client.exec("wget", "-q", "-O", "-", url)).stdout, /Hello from a pod/);
  assert.is((await client.exec("wget", "-q", "-O", "-", "http://127.0.0.1:8081/")).status, 1);
});

test("an init container ends before the app starts, and leaves it files on a volume", async () => {
  await using pod = await runPod(cri);
  const volume = { config: { mounts: [{ container_path: "/data", host_path: pod.volume }] } };
  const init = await pod.run("init", "echo prepared >/data/file", volume);
  assert.is((await init.ended()).exit_code, 0);
  const app = await pod.run("app", "cat /data/file", volume);
  assert.is((await app.ended()).exit_code, 0);
  assert.is(app.log(), "prepared\n");
});

test("a crash is told with its status, and a next attempt runs in the same pod", async () => {
  await using pod = await runPod(cri);
  const first = await pod.run("app", "echo oops >&2; exit 3");
  const { exit_code, reason } = await first.ended();
  assert.equal({ exit_code, reason }, { exit_code: 3, reason: "Error" });
  assert.is(first.log(), "oops\n");
  const second = await pod.run("app", FOREVER, { attempt: 1 });
  assert.is((await second.status()).state, "CONTAINER_RUNNING");
  process.kill(await second.pid(), "SIGKILL");
  assert.is((await second.ended()).exit_code, 137);
  const third = await pod.run("app", "true", { attempt: 2 });
  assert.is((await third.ended()).exit_code, 0);
});

test("a container is stopped and removed though its pod's sandbox has died, and with it the shim's directory", async () => {
  const options = { namespace_options: { pid: "CONTAINER" } };
  await using pod = await runPod(cri, { security_context: options });
  const app = await pod.run("app", FOREVER, { security: options });
  const shim = status(await app.pid()).get("PPid");
  process.kill(await pod.pid(), "SIGKILL");
  await waitUntil(
    () => readlinkSync(`/proc/${shim}/cwd`).endsWith(" (deleted)"),
    "the sandbox's bundle is gone",
  );
  assert.is((await app.exec("echo", "still here")).stdout, "still here\n");
  await cri.call("StopContainer", { container_id: app.id, timeout: 5 });
  assert.is((await app.ended()).exit_code, 0);
});

test("a container that does not heed SIGTERM is killed after its grace period", async () => {
  await using pod = await runPod(cri);
  const deaf = await pod.run("deaf", "trap '' TERM; echo deaf; while :; do sleep 1; done");
  await waitUntil(() => deaf.log() === "deaf\n", "it is deaf");
  const began = performance.now();
  await cri.call("StopContainer", { container_id: deaf.id, timeout: 1 });
  assert.ok(performance.now() - began >= 1000);
  assert.is((await deaf.ended()).exit_code, 137);
});

test("a program that isn't there is told with tsrun's words", async () => {
  await using pod = await runPod(cri);
  const container = await pod.create("app", ["nope"]);
  const words = /process\.args\[0\]: "nope": executable file not found in \$PATH/;
  await assertRejects(container.start(), words);
  const { reason, message, exit_code } = await container.status();
  assert.equal({ reason, exit_code }, { reason: "StartError", exit_code: 128 });
  assert.match(message, words);
});

async function assertRejects(call: Promise<unknown>, words: RegExp): Promise<void> {
  const outcome = await call.then(
    () => "it succeeded",
    (error: Error) => error.message,
  );
  assert.match(outcome, words);
}

test("an exec that takes too long is ended, and the container goes on", async () => {
  await using pod = await runPod(cri);
  const app = await pod.run("app", FOREVER);
  const slow = { container_id: app.id, cmd: ["sleep", "12345"], timeout: 1 };
  await assertRejects(cri.call("ExecSync", slow), /timeout 1s exceeded|deadline exceeded/);
  await waitUntil(() => !processes().some((pid) => programOf(pid) === "sleep 12345"), "sleep is killed");
  assert.is((await app.exec("true")).status, 0);
});

function programOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).split("\0").join(" ").trim();
}

for (const [name, mode, shares] of [
  ["each container has a PID namespace of its own unless the pod says otherwise", "CONTAINER", false],
  ["a pod that shares its PID namespace has pause as PID 1", "POD", true],
] as const)
  test(name, async () => {
    const options = { namespace_options: { pid: mode } };
    await using pod = await runPod(cri, { security_context: options });
    const one = await pod.run("one", "exec sleep 54321", { security: options });
    const two = await pod.run("two", FOREVER, { security: options });
    const same = namespaceOf(await one.pid(), "pid") === namespaceOf(await two.pid(), "pid");
    assert.is(same, shares);
    const seen = (await two.exec("ps")).stdout;
    assert.is(/1 \S+ +\/pause/.test(seen), shares);
    assert.is(/sleep 54321/.test(seen), shares);
    await cri.call("StopContainer", { container_id: one.id, timeout: 1 });
    // As PID 1 it is deaf to SIGTERM without a handler (pid_namespaces(7)), and killed after a second.
    assert.is((await one.ended()).exit_code, shares ? 143 : 137);
    assert.is((await two.exec("true")).status, 0);
  });

test("a container with the host's PID namespace is stopped with all that it has started", async () => {
  const options = { namespace_options: { pid: "NODE" } };
  await using pod = await runPod(cri, { security_context: options });
  const app = await pod.run("app", "sleep 65432 & exec sleep 65433", { security: options });
  assert.is(namespaceOf(await app.pid(), "pid"), namespaceOf("self", "pid"));
  const sleeps = () => processes().filter((pid) => /^sleep 6543\d$/.test(programOf(pid))).length;
  await waitUntil(() => sleeps() === 2, "both run");
  await cri.call("StopContainer", { container_id: app.id, timeout: 0 });
  await waitUntil(() => sleeps() === 0, "both have ended");
});

test("a container can be given the PID namespace of another", async () => {
  await using pod = await runPod(cri, { security_context: { namespace_options: { pid: "CONTAINER" } } });
  const app = await pod.run("app", "exec sleep 76543", {
    security: { namespace_options: { pid: "CONTAINER" } },
  });
  const debug = await pod.run("debug", FOREVER, {
    security: { namespace_options: { pid: "TARGET", target_id: app.id } },
  });
  assert.match((await debug.exec("ps")).stdout, /1 \S+ +sleep 76543/);
});

test("the containers of a pod share its IPC namespace and its host name", async () => {
  await using pod = await runPod(cri, {}, { hostname: "shared" });
  const one = await pod.run("one", FOREVER);
  const two = await pod.run("two", FOREVER);
  for (const kind of ["ipc", "uts", "net"] as const)
    assert.is(namespaceOf(await one.pid(), kind), namespaceOf(await two.pid(), kind), kind);
  assert.is(namespaceOf(await one.pid(), "ipc"), namespaceOf(await pod.pid(), "ipc"));
  await one.exec("sh", "-c", "echo word >/dev/shm/file");
  assert.is((await two.exec("cat", "/dev/shm/file")).stdout, "word\n");
  assert.is((await two.exec("hostname")).stdout, "shared\n");
});

test("a pod with the host's network and IPC has them", async () => {
  const options = { namespace_options: { network: "NODE", ipc: "NODE" } };
  await using pod = await runPod(cri, { security_context: options });
  const app = await pod.run("app", FOREVER, { security: options });
  for (const kind of ["net", "ipc", "uts"] as const)
    assert.is(namespaceOf(await app.pid(), kind), namespaceOf("self", kind), kind);
});

test("sysctls of the pod are set", async () => {
  await using pod = await runPod(cri, { sysctls: { "net.ipv4.ip_unprivileged_port_start": "0" } });
  const app = await pod.run("app", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start");
  assert.is((await app.ended()).exit_code, 0);
  assert.is(app.log(), "0\n");
});

leavesNothing();
test.run();
