/** Pods that have the node's namespaces. */
import { hostname } from "node:os";
import * as assert from "uvu/assert";
import { namespaceOf, running } from "../harness/processes.ts";
import { ADDRESS } from "./addresses.ts";
import { claims } from "./claims.ts";
import { eventually } from "./node.ts";
import { FOREVER, longSleep, shell } from "./pods.ts";

const { claim, all } = claims();
export const host = all;

claim("hostNetwork is the node's network and host name", async ({ run }) => {
  await using pod = await run({ hostNetwork: true, containers: [shell(FOREVER)] });
  const { status } = await pod.ready();
  assert.is(status.podIP, ADDRESS);
  for (const kind of ["net", "uts"] as const)
    assert.is(namespaceOf(await pod.pid(), kind), namespaceOf("self", kind), kind);
  assert.is((await pod.exec(["hostname"])).stdout, `${hostname()}\n`);
});

claim("hostIPC is the node's IPC", async ({ run }) => {
  await using pod = await run({ hostIPC: true, containers: [shell(FOREVER)] });
  await pod.ready();
  assert.is(namespaceOf(await pod.pid(), "ipc"), namespaceOf("self", "ipc"));
  assert.is.not(namespaceOf(await pod.pid(), "net"), namespaceOf("self", "net"));
});

claim("hostPID shows the node's processes, and all that it has started ends with it", async ({ run }) => {
  const [one, two] = [longSleep(), longSleep()];
  await using pod = await run({ hostPID: true, containers: [shell(`${one} & exec ${two}`)] });
  await pod.ready();
  assert.is(namespaceOf(await pod.pid(), "pid"), namespaceOf("self", "pid"));
  assert.match((await pod.exec(["ps", "-o", "args"])).stdout, /^kubelet --config/m);
  await eventually(() => running(one).length === 1 && running(two).length === 1, "both run");
  await pod.remove(1);
  await eventually(() => running(one).length + running(two).length === 0, "both have ended");
});

claim("network sysctls are the pod's own", async ({ run }) => {
  await using pod = await run({
    securityContext: {
      sysctls: [
        { name: "net.ipv4.ip_unprivileged_port_start", value: "1" },
        { name: "net.ipv4.ping_group_range", value: "0 2" },
      ],
    },
    containers: [
      shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range"),
    ],
  });
  assert.is((await pod.ended()).exitCode, 0);
  assert.is(await pod.log(), "1\n0\t2\n");
});
