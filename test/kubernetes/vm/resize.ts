/** Containers that get more or less of the machine while they run. */
import * as assert from "uvu/assert";
import { printed } from "../../callers/call.ts";
import type { Message } from "../../callers/cri.ts";
import { claims } from "../claims.ts";
import { eventually, kubectl } from "../node.ts";
import { type Pod, shell, statusOf } from "../pods.ts";
import { cgroupsOf, IDLE, inCgroup, MEBIBYTE, ON_HOST, unitOf } from "./cgroups.ts";

const { claim, all } = claims();
export const resize = all;

/** Asks for other resources of the container `app`, as a person does. */
async function resized(pod: Pod, resources: Message): Promise<void> {
  const patch = { spec: { containers: [{ name: "app", resources }] } };
  const words = ["patch", "pod", pod.name, "--subresource", "resize", "--patch", JSON.stringify(patch)];
  printed(await kubectl(words).ended());
}

/** Waits until both the container's cgroup and its pod's have these values, and systemd has heard of it. */
async function has(pod: Pod, cpu: string, mebibytes: number): Promise<void> {
  const { scope, slice } = await cgroupsOf(pod);
  const memory = String(mebibytes * MEBIBYTE);
  const wanted = JSON.stringify({ "cpu.max": cpu, "memory.max": memory });
  const values = () => [scope, slice].map((path) => JSON.stringify(inCgroup(path, "cpu.max", "memory.max")));
  await eventually(() => values().every((one) => one === wanted), `both are ${wanted}`);
  assert.is(unitOf(scope, "MemoryMax").MemoryMax, memory);
}

/** A tenth of its processor time is asked for: the machine has little. */
const both = (cpu: number, memory: string) => ({
  requests: { cpu: `${cpu / 10}m`, memory },
  limits: { cpu: `${cpu}m`, memory },
});

claim("a running container is resized in place, up and down", async ({ run }) => {
  await using pod = await run({ ...ON_HOST, containers: [shell(IDLE, { resources: both(400, "64Mi") })] });
  await pod.ready();
  const pid = await pod.pid();
  await resized(pod, both(800, "128Mi"));
  await has(pod, "80000 100000", 128);
  assert.is(inCgroup((await cgroupsOf(pod)).scope, "cpu.weight")["cpu.weight"], "15");
  await resized(pod, both(600, "96Mi"));
  await has(pod, "60000 100000", 96);
  assert.is(await pod.pid(), pid);
  assert.is(statusOf(await pod.read()).restartCount, 0);
});

claim("a container that wants to be started again for another memory limit is", async ({ run }) => {
  const resizePolicy = [{ resourceName: "memory", restartPolicy: "RestartContainer" }];
  await using pod = await run({
    ...ON_HOST,
    restartPolicy: "Always",
    containers: [shell(IDLE, { resources: both(400, "64Mi"), resizePolicy })],
  });
  await pod.ready();
  await resized(pod, both(400, "96Mi"));
  await pod.until((one) => statusOf(one).restartCount === 1 && statusOf(one).ready, "it is ready again");
  await has(pod, "40000 100000", 96);
});
