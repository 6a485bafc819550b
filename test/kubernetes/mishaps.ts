/** What happens to pods when something dies under them. */
import * as assert from "uvu/assert";
import { exists, processes, running, status } from "../harness/processes.ts";
import { claims } from "./claims.ts";
import { eventually } from "./node.ts";
import { containerId, FOREVER, isRestarted, longSleep, type Pod, shell, statusOf } from "./pods.ts";

/** Those that concern the pod alone. */
const own = claims();
export const mishaps = own.all;
/** Those that concern all pods of the node. */
const common = claims();
export const restarts = common.all;

const RESTARTED = { restartPolicy: "Always" };

/** Waits until a container has been started again after its end. */
async function restarted(pod: Pod, exitCode: number): Promise<void> {
  const after = await pod.until(isRestarted, "it runs again");
  assert.is(statusOf(after).lastState.terminated?.exitCode, exitCode);
  assert.is((await pod.exec(["true"])).status, 0);
}

own.claim("a workload that is killed is started again in the same sandbox", async ({ run }) => {
  await using pod = await run({ ...RESTARTED, containers: [shell(FOREVER)] });
  await pod.ready();
  const { id } = await pod.sandbox();
  process.kill(await pod.pid(), "SIGKILL");
  await restarted(pod, 137);
  assert.is((await pod.sandbox()).id, id);
});

own.claim("a pod whose pause is killed gets a new sandbox and goes on", async ({ run }) => {
  await using pod = await run({ ...RESTARTED, containers: [shell(FOREVER)] });
  await pod.ready();
  const { id, pid } = await pod.sandbox();
  process.kill(pid, "SIGKILL");
  await eventually(
    async () => (await pod.sandboxes("SANDBOX_READY")).some((one) => one !== id),
    "there is a new one",
  );
  await pod.until(isRestarted, "it runs again");
  assert.is((await pod.exec(["true"])).status, 0);
});

own.claim("a pod whose shim is killed goes on, and nothing of the old processes is left", async ({ run }) => {
  const sleep = longSleep();
  await using pod = await run({ ...RESTARTED, containers: [shell(`exec ${sleep}`)] });
  await pod.ready();
  const [old] = running(sleep);
  process.kill(Number(status((await pod.sandbox()).pid).get("PPid")), "SIGKILL");
  await eventually(() => old === undefined || !exists(old), "the old process has ended");
  await pod.until(isRestarted, "it runs again");
  assert.is(running(sleep).length, 1);
});

for (const daemon of ["containerd", "kubelet"] as const)
  common.claim(
    `containers go on when ${daemon} is started again, and can be reached and ended then`,
    async ({ run, node }) => {
      await using pod = await run({
        ...RESTARTED,
        containers: [shell(FOREVER, { readinessProbe: { exec: { command: ["true"] }, periodSeconds: 1 } })],
      });
      await pod.ready();
      const before = { pid: await pod.pid(), id: containerId(statusOf(await pod.read())) };
      await node[daemon].restart();
      await eventually(async () => (await pod.exec(["true"])).status === 0, "exec works again");
      assert.equal({ pid: await pod.pid(), id: containerId(statusOf(await pod.read())) }, before);
      await pod.ready();
      await pod.remove(1);
      await eventually(() => !processes().includes(before.pid), "it has ended");
    },
  );
