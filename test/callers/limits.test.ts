// Needs containerd, ctr, ip, /usr/lib/cni/bridge.
// Limits that containerd sets and statistics that it reads: on a host whose cgroup v2 has the controllers, as the
// guest of `make test-callers-vm` does.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Controllers, cgroup2Of } from "../harness/cgroups.ts";
import { testIf } from "../harness/skip.ts";
import { waitUntil } from "../harness/wait.ts";
import { call, printed } from "./call.ts";
import { BRIDGE, NAMESPACES, SOCKET, startContainerd } from "./containerd.ts";
import { connectCri } from "./cri.ts";
import { ctr, pidOf, WITH_TSRUN } from "./ctr.ts";
import { BUSYBOX } from "./images.ts";
import { watchMachine } from "./leaks.ts";
import { type Pod, runPod } from "./pod.ts";

const controllers = cgroup2Controllers();
const atFirst = watchMachine();
// ctr, too, finds its image among those of pods: to unpack it takes long in emulation.
process.env["CONTAINERD_NAMESPACE"] = NAMESPACES.pods;
const daemon = await startContainerd({ namespaces: [NAMESPACES.pods] });
const cri = connectCri(SOCKET);
const missing = ["memory", "cpu", "pids"].filter((name) => !controllers.has(name));
const testLimits = testIf(missing.length === 0, `needs cgroup controller ${missing.join(" and ")}`);

/** The pod of all tests that need one. */
const pod = missing.length === 0 ? await runPod(cri) : null;

function testInPod(name: string, body: (pod: Pod) => Promise<void>): void {
  testLimits(name, async () => {
    if (pod !== null) await body(pod);
  });
}

const MEGABYTE = 1024 * 1024;
const FOREVER = "while :; do sleep 1; done";

/** A file of the cgroup that a process is in. */
function cgroupFile(pid: number, file: string): string {
  return readFileSync(join(cgroup2Of(pid), file), "utf8").trim();
}

testLimits(
  "ctr: --memory-limit, --cpu-quota and --cpu-shares limit, and metrics tell what is used",
  async () => {
    const limits = [
      "--memory-limit",
      String(32 * MEGABYTE),
      "--cpu-quota",
      "50000",
      "--cpu-period",
      "100000",
    ];
    const busy = ["sh", "-c", "while :; do :; done"];
    printed(
      ctr("run", "--detach", ...WITH_TSRUN, ...limits, "--cpu-shares", "512", BUSYBOX, "busy", ...busy),
    );
    const pid = pidOf("busy");
    assert.is(cgroupFile(pid, "memory.max"), String(32 * MEGABYTE));
    assert.is(cgroupFile(pid, "cpu.max"), "50000 100000");
    assert.is(cgroupFile(pid, "cpu.weight"), "59");
    const used = () => Number(printed(ctr("tasks", "metrics", "busy")).match(/cpu\.usage_usec +(\d+)/)?.[1]);
    await waitUntil(() => used() > 50_000, "it has used 0.05 s");
    assert.match(
      printed(ctr("tasks", "metrics", "busy")),
      new RegExp(`memory\\.usage_limit +${32 * MEGABYTE}`),
    );
    printed(ctr("tasks", "delete", "--force", "busy"));
    printed(ctr("containers", "delete", "busy"));
  },
);

testInPod("a pod's cgroups hang together, and its containers' limits can be changed", async (pod) => {
  assert.is(cgroupFile(await pod.pid(), "cpu.weight"), "1"); // of the sandbox's 2 shares
  const resources = {
    memory_limit_in_bytes: 64 * MEGABYTE,
    cpu_shares: 1024,
    cpu_quota: 20000,
    cpu_period: 100000,
  };
  const app = await pod.run("limited", FOREVER, { resources });
  const pid = await app.pid();
  assert.match(cgroup2Of(pid), /\/kubepods\/[^/]+$/);
  assert.is(cgroupFile(pid, "memory.max"), String(64 * MEGABYTE));
  assert.is(cgroupFile(pid, "cpu.max"), "20000 100000");
  const linux = { memory_limit_in_bytes: 128 * MEGABYTE, cpu_shares: 2 };
  await cri.call("UpdateContainerResources", { container_id: app.id, linux });
  assert.is(cgroupFile(pid, "memory.max"), String(128 * MEGABYTE));
  assert.is(cgroupFile(pid, "cpu.weight"), "1");
  assert.is(cgroupFile(pid, "cpu.max"), "20000 100000");
});

testInPod("statistics of a container are told through the CRI", async (pod) => {
  const app = await pod.run("busy", "while :; do :; done");
  const stats = async () => (await cri.call("ContainerStats", { container_id: app.id })).stats;
  const used = async () => Number((await stats()).cpu?.usage_core_nano_seconds?.value);
  const before = await used();
  await Bun.sleep(500);
  assert.ok((await used()) > before);
  assert.ok(Number((await stats()).memory?.working_set_bytes?.value) > 0);
  await cri.call("StopContainer", { container_id: app.id, timeout: 0 });
});

testInPod(
  "a container that takes more memory than it may is killed, and its status says why",
  async (pod) => {
    const resources = { memory_limit_in_bytes: 16 * MEGABYTE };
    const reasons: (string | undefined)[] = [];
    // containerd 1.6 counts in the cgroup, which may be gone before it has looked: then it says Error.
    while (reasons.length < 3 && !reasons.includes("OOMKilled")) {
      const name = `greedy-${reasons.length}`;
      const app = await pod.run(name, "head -c 64000000 /dev/zero | tail", { resources });
      const { exit_code, reason } = await app.ended();
      assert.not.equal(exit_code, 0);
      reasons.push(reason);
    }
    assert.ok(reasons.includes("OOMKilled"), `${reasons}`);
  },
);

test("nothing is left of all these, nor of containerd", async () => {
  await pod?.[Symbol.asyncDispose]();
  cri[Symbol.dispose]();
  await daemon.stop();
  call(["ip", "link", "delete", BRIDGE]); // the first pod has made it
  await atFirst("of containerd");
});

test.run();
