// The kubelet's way: containerd's CRI plugin with SystemdCgroup = true, and pods in slices.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NAMESPACES, SOCKET, startContainerd } from "../../callers/containerd.ts";
import { connectCri } from "../../callers/cri.ts";
import { runPod } from "../../callers/pod.ts";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { testIf } from "../../harness/skip.ts";
import { waitUntil } from "../../harness/wait.ts";
import { nothingIsLeft } from "./leaks.ts";
import { shown, slice } from "./units.ts";

const isHere = Bun.which("containerd") !== null;
const testCri = testIf(isHere, "needs containerd");
const daemon = isHere ? await startContainerd({ systemd: true, namespaces: [NAMESPACES.pods] }) : null;
const cri = connectCri(SOCKET);

const MEGABYTE = 1024 * 1024;
const FOREVER = "trap 'exit 0' TERM; while :; do sleep 1; done";
/** Of the host's network, so that no plugin has to make one. */
const ON_HOST = { namespace_options: { network: "NODE" } };

const unitOf = (id: string) => `cri-containerd-${id}.scope`;
const fileOf = (pid: number, file: string) => readFileSync(join(cgroup2Of(pid), file), "utf8").trim();

testCri(
  "a pod's sandbox and containers are scopes in its slice, with limits that systemd knows",
  async () => {
    using parent = slice();
    await using pod = await runPod(cri, { cgroup_parent: `/${parent.name}`, security_context: ON_HOST });
    const resources = { memory_limit_in_bytes: 64 * MEGABYTE, cpu_quota: 20_000, cpu_period: 100_000 };
    const app = await pod.run("app", FOREVER, { resources, security: ON_HOST });
    const pid = await app.pid();
    assert.is(cgroup2Of(await pod.pid()), `${parent.path}/${unitOf(pod.id)}`);
    assert.is(cgroup2Of(pid), `${parent.path}/${unitOf(app.id)}`);
    assert.is(fileOf(pid, "memory.max"), String(64 * MEGABYTE));
    assert.is(fileOf(pid, "cpu.max"), "20000 100000");
    assert.is(shown(unitOf(app.id), "MemoryMax"), String(64 * MEGABYTE));

    const linux = { memory_limit_in_bytes: 128 * MEGABYTE };
    await cri.call("UpdateContainerResources", { container_id: app.id, linux });
    assert.is(fileOf(pid, "memory.max"), String(128 * MEGABYTE));
    assert.is(shown(unitOf(app.id), "MemoryMax"), String(128 * MEGABYTE));

    assert.is((await app.exec("cat", "/proc/self/cgroup")).stdout, "0::/\n"); // the scope, in its own namespace
    await cri.call("StopContainer", { container_id: app.id, timeout: 10 });
    assert.is((await app.ended()).exit_code, 0);
    await waitUntil(() => shown(unitOf(app.id), "ActiveState") === "inactive", "its scope is gone");
    assert.is(shown(unitOf(pod.id), "ActiveState"), "active");
  },
);

test("containerd is stopped", async () => {
  cri[Symbol.dispose]();
  await daemon?.stop();
});

nothingIsLeft();
test.run();
