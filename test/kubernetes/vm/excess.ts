/** Pods that take more than they may. */
import * as assert from "uvu/assert";
import { running } from "../../harness/processes.ts";
import { claims } from "../claims.ts";
import { eventually } from "../node.ts";
import { longSleep, type Pod, type PodObject, shell, statusOf } from "../pods.ts";
import { IDLE, ON_HOST } from "./cgroups.ts";

const { claim, all } = claims();
export const excess = all;

const LITTLE = { limits: { memory: "24Mi" } };
/** A child of the container's first process takes memory without end. */
const HOG = "tail /dev/zero; echo survived; sleep 100000";

/**
 * Waits until a container, which is started again each time, was killed over its limit, and that is told as the reason.
 * Where systemd has removed a scope's cgroup before containerd looks into it for the reason, with either runtime, none is
 * told: the next time may be different.
 */
async function isKilled(pod: Pod, name: string): Promise<void> {
  const ends = ({ status }: PodObject) => {
    const container = status.containerStatuses?.find((one) => one.name === name);
    return [container?.state.terminated, container?.lastState.terminated].filter((one) => one !== undefined);
  };
  const isTold = (one: PodObject) => ends(one).some(({ reason }) => reason === "OOMKilled");
  for (const { exitCode } of ends(await pod.until(isTold, `${name} was OOMKilled`))) assert.is(exitCode, 137);
}

claim(
  "a container over its limit is killed as a whole and started again, and its neighbour lives",
  async ({ run }) => {
    await using pod = await run({
      ...ON_HOST,
      restartPolicy: "Always",
      volumes: [{ name: "data", emptyDir: {} }],
      containers: [
        shell(`exec >>/data/lines; echo began; sleep 100000 & ${HOG}`, {
          name: "hog",
          resources: LITTLE,
          volumeMounts: [{ name: "data", mountPath: "/data" }],
        }),
        shell(IDLE, {
          name: "neighbour",
          resources: LITTLE,
          volumeMounts: [{ name: "data", mountPath: "/data" }],
        }),
      ],
    });
    await isKilled(pod, "hog");
    await pod.until((one) => statusOf(one, "hog").restartCount > 0, "it is started again");
    assert.match((await pod.exec(["cat", "/data/lines"], "neighbour")).stdout, /^(began\n)+$/);
    assert.is(statusOf(await pod.read(), "neighbour").restartCount, 0);
  },
);

claim("a pod of own users has limits, and is killed over them", async ({ run }) => {
  await using pod = await run({
    hostUsers: false,
    restartPolicy: "Always",
    containers: [shell(`cat /proc/self/uid_map; ${HOG}`, { name: "hog", resources: LITTLE })],
  });
  await isKilled(pod, "hog");
  assert.match(await pod.log("hog"), /^ +0 +[1-9]\d+ +65536\n$/);
});

for (const [what, fields, mount, message] of [
  [
    "its emptyDir",
    { volumes: [{ name: "data", emptyDir: { sizeLimit: "1Mi" } }] },
    { volumeMounts: [{ name: "data", mountPath: "/data" }] },
    /Usage of EmptyDir volume "data" exceeds the limit "1Mi"/,
  ],
  [
    "its own files",
    {},
    { resources: { limits: { "ephemeral-storage": "1Mi" } } },
    /ephemeral local storage usage exceeds the total limit of containers 1Mi/,
  ],
] as const)
  claim(`a pod that writes more than ${what} may hold is evicted`, async ({ run }) => {
    const sleep = longSleep();
    const script = `mkdir -p /data; dd if=/dev/zero of=/data/file bs=1M count=3; trap 'exit 1' TERM; ${sleep} & wait`;
    await using pod = await run({ ...ON_HOST, ...fields, containers: [shell(script, mount)] });
    const { status } = await pod.until((one) => one.status.phase === "Failed", "it has failed");
    assert.is(status.reason, "Evicted");
    assert.match(status.message ?? "", message);
    await eventually(() => running(sleep).length === 0, "its process has ended");
  });
