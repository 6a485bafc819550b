/** In which order containers start and end. */
import * as assert from "uvu/assert";
import { claims } from "./claims.ts";
import { FOREVER, forget, KEPT, shell, statusOf } from "./pods.ts";

const { claim, all } = claims();
export const order = all;

const DATA = { volumes: [{ name: "data", emptyDir: {} }] };
const MOUNTED = { volumeMounts: [{ name: "data", mountPath: "/data" }] };
/** Adds a line to a file that all containers see. */
const say = (word: string) => `echo ${word} >>/data/lines`;

claim("init containers run one after the other before the app", async ({ run }) => {
  await using pod = await run({
    ...DATA,
    initContainers: [
      shell(`sleep 1; ${say("first")}`, { name: "first", ...MOUNTED }),
      shell(say("second"), { name: "second", ...MOUNTED }),
    ],
    containers: [shell(`${say("app")}; cat /data/lines`, MOUNTED)],
  });
  assert.is((await pod.ended()).exitCode, 0);
  assert.is(await pod.log(), "first\nsecond\napp\n");
});

claim("an init container that fails keeps the app from starting", async ({ run }) => {
  await using pod = await run({
    initContainers: [shell("exit 7", { name: "init" })],
    containers: [shell("true")],
  });
  const ended = await pod.until(({ status }) => status.phase === "Failed", "it has failed");
  assert.is(statusOf(ended, "init").state.terminated?.exitCode, 7);
  assert.is(statusOf(ended, "app").state.waiting?.reason, "PodInitializing");
});

claim("a sidecar has started before the app, by its startup probe, and ends after it", async ({ run }) => {
  await using pod = await run({
    ...DATA,
    terminationGracePeriodSeconds: 10,
    initContainers: [
      shell(
        `trap '${say("side-ends")}; exit 0' TERM; sleep 1; ${say("side")}; touch /data/up; while :; do sleep 1 & wait; done`,
        {
          name: "side",
          restartPolicy: "Always",
          startupProbe: {
            exec: { command: ["test", "-e", "/data/up"] },
            periodSeconds: 1,
            failureThreshold: 30,
          },
          ...MOUNTED,
        },
      ),
    ],
    containers: [shell(`${say("app")}; sleep 1; ${say("app-ends")}`, MOUNTED)],
  });
  const { status } = await pod.until((one) => one.status.phase === "Succeeded", "it has succeeded");
  assert.is(status.initContainerStatuses?.[0]?.state.terminated?.exitCode, 0);
  const app = status.containerStatuses?.[0]?.state.terminated;
  const side = status.initContainerStatuses?.[0]?.state.terminated;
  assert.ok(
    Date.parse(side?.finishedAt ?? "") >= Date.parse(app?.finishedAt ?? ""),
    JSON.stringify({ app, side }),
  );
});

claim("postStart runs in the container", async ({ run }) => {
  await using pod = await run({
    containers: [
      shell("while ! test -e /tmp/hooked; do sleep 0.1; done; cat /tmp/hooked", {
        lifecycle: { postStart: { exec: { command: ["sh", "-c", "hostname >/tmp/hooked"] } } },
      }),
    ],
  });
  assert.is((await pod.ended()).exitCode, 0);
  assert.is(await pod.log(), `${pod.name}\n`);
});

claim("preStop runs before SIGTERM, and its time counts as grace", async ({ run, node }) => {
  await using pod = await run(
    {
      terminationGracePeriodSeconds: 20,
      containers: [
        shell(`trap 'test -e /tmp/stopping && exit 3; exit 4' TERM; ${FOREVER.replace(/^[^;]*; /, "")}`, {
          lifecycle: { preStop: { exec: { command: ["sh", "-c", "sleep 1; touch /tmp/stopping"] } } },
        }),
      ],
    },
    KEPT,
  );
  await pod.ready();
  await node.api.remove("Pod", pod.name, 20);
  assert.is((await pod.ended()).exitCode, 3);
  await forget(node, pod);
});

claim("who does not heed SIGTERM is killed after the grace", async ({ run, node }) => {
  await using pod = await run({ containers: [shell("trap '' TERM; while :; do sleep 1; done")] }, KEPT);
  await pod.ready();
  const began = performance.now();
  await node.api.remove("Pod", pod.name, 2);
  assert.is((await pod.ended()).exitCode, 137);
  assert.ok(performance.now() - began >= 2000);
  await forget(node, pod);
});
