/** Probes of containers' health. */
import * as assert from "uvu/assert";
import { running } from "../harness/processes.ts";
import { claims } from "./claims.ts";
import { eventually } from "./node.ts";
import { FOREVER, findStatus, hasStarted, isRestarted, longSleep, shell, statusOf } from "./pods.ts";

const { claim, all } = claims();
export const probes = all;

const EACH_SECOND = { periodSeconds: 1, failureThreshold: 1 };

claim("a container is ready when its page is there, and not when it has gone", async ({ run }) => {
  await using pod = await run({
    containers: [
      shell("mkdir /tmp/www && exec httpd -f -p 8080 -h /tmp/www", {
        readinessProbe: { httpGet: { port: 8080, path: "/page" }, ...EACH_SECOND },
      }),
    ],
  });
  const state = (ready: boolean) => pod.until((one) => findStatus(one)?.ready === ready, `ready: ${ready}`);
  await pod.until(hasStarted, "it runs");
  assert.is(statusOf(await pod.read()).ready, false);
  assert.is((await pod.exec(["touch", "/tmp/www/page"])).status, 0);
  await state(true);
  assert.is((await pod.exec(["rm", "/tmp/www/page"])).status, 0);
  await state(false);
});

claim("a container is ready when a command in it succeeds", async ({ run }) => {
  await using pod = await run({
    containers: [
      shell(`sleep 2; touch /tmp/up; ${FOREVER}`, {
        readinessProbe: { exec: { command: ["test", "-e", "/tmp/up"] }, ...EACH_SECOND },
      }),
    ],
  });
  await pod.ready();
  assert.is((await pod.exec(["test", "-e", "/tmp/up"])).status, 0);
});

claim("a container whose command fails is started again", async ({ run }) => {
  await using pod = await run({
    restartPolicy: "Always",
    containers: [
      shell(`touch /data/life; ${FOREVER}`, {
        livenessProbe: {
          exec: { command: ["test", "-e", "/data/life"] },
          initialDelaySeconds: 1,
          ...EACH_SECOND,
        },
        volumeMounts: [{ name: "data", mountPath: "/data" }],
      }),
    ],
    volumes: [{ name: "data", emptyDir: {} }],
  });
  await pod.ready();
  const before = statusOf(await pod.read());
  assert.is((await pod.exec(["rm", "/data/life"])).status, 0);
  const after = statusOf(await pod.until(isRestarted, "it is ready again"));
  assert.is(after.lastState.terminated?.exitCode, 0);
  assert.is.not(after.containerID, before.containerID);
});

claim("a probe that hangs has failed, and is killed", async ({ run }) => {
  const hanging = longSleep();
  await using pod = await run({
    containers: [
      shell(FOREVER, {
        readinessProbe: {
          exec: { command: ["sh", "-c", `test -e /tmp/fine || exec ${hanging}`] },
          timeoutSeconds: 1,
          ...EACH_SECOND,
        },
      }),
    ],
  });
  await eventually(() => running(hanging).length > 0, "the probe hangs");
  assert.is(statusOf(await pod.read()).ready, false);
  assert.is((await pod.exec(["touch", "/tmp/fine"])).status, 0);
  await pod.ready();
  await eventually(() => running(hanging).length === 0, "all that hung are killed");
});
