/** Pods that controllers make. */
import * as assert from "uvu/assert";
import { claims } from "./claims.ts";
import type { Runtime } from "./node.ts";
import { nextName, type PodObject, podDefaults, type Setting, shell } from "./pods.ts";

const { claim, all } = claims();
export const controllers = all;

interface Deployment {
  readonly metadata: { readonly generation: number };
  readonly status: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

interface Job {
  readonly status: {
    readonly succeeded?: number;
    readonly failed?: number;
    readonly completionTime?: string;
  };
}

const REPLICAS = 2;

/** A pod's template that says its word on a page. */
const template = (name: string, runtime: Runtime, word: string) => ({
  metadata: { labels: { app: name } },
  spec: {
    ...podDefaults(runtime),
    restartPolicy: "Always",
    containers: [
      shell(`mkdir /tmp/www; echo ${word} >/tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www`, {
        readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 },
      }),
    ],
  },
});

claim("a deployment has its pods, replaces one that is deleted, and rolls an update out", async (setting) => {
  const { node, runtime } = setting;
  const name = nextName(runtime);
  await node.api.create({
    kind: "Deployment",
    apiVersion: "apps/v1",
    metadata: { name },
    spec: {
      replicas: REPLICAS,
      selector: { matchLabels: { app: name } },
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: template(name, runtime, "old"),
    },
  });
  try {
    await rolledOut(setting, name);
    const before = await podsOf(setting, name);
    assert.equal(await pages(before), ["old\n", "old\n"]);

    await node.api.remove("Pod", before[0]?.metadata.name ?? "", 1);
    await node.api.until<Deployment>(
      "Deployment",
      name,
      ({ status }) => status.availableReplicas !== REPLICAS,
      "one is missed",
    );
    await rolledOut(setting, name);

    await node.api.patch("Deployment", name, { spec: { template: template(name, runtime, "new") } });
    await rolledOut(setting, name);
    assert.equal(await pages(await podsOf(setting, name)), ["new\n", "new\n"]);
  } finally {
    await node.api.remove("Deployment", name);
  }
});

async function rolledOut({ node }: Setting, name: string): Promise<void> {
  const isDone = ({ metadata, status }: Deployment) =>
    status.observedGeneration === metadata.generation &&
    [status.replicas, status.updatedReplicas, status.availableReplicas].every((count) => count === REPLICAS);
  await node.api.until<Deployment>("Deployment", name, isDone, "it is rolled out");
}

/** Those that have not been asked to end. */
async function podsOf({ node }: Setting, name: string): Promise<readonly PodObject[]> {
  const pods = await node.api.list<PodObject>("Pod", { labelSelector: `app=${name}` });
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

const pages = (pods: readonly PodObject[]) =>
  Promise.all(pods.map(async ({ status }) => (await fetch(`http://${status.podIP}:8080/`)).text()));

claim(
  "a job's pod that fails is followed by another, until enough have succeeded",
  async ({ node, runtime }) => {
    const name = nextName(runtime);
    await node.api.create({
      kind: "Job",
      apiVersion: "batch/v1",
      metadata: { name },
      spec: {
        completions: 2,
        parallelism: 2,
        completionMode: "Indexed",
        backoffLimit: 3,
        template: {
          spec: {
            ...podDefaults(runtime),
            restartPolicy: "OnFailure",
            containers: [
              shell("test -e /data/again || { touch /data/again; exit 1; }", {
                volumeMounts: [{ name: "data", mountPath: "/data" }],
              }),
            ],
            volumes: [{ name: "data", emptyDir: {} }],
          },
        },
      },
    });
    const { status } = await node.api.until<Job>(
      "Job",
      name,
      (one) => one.status.completionTime !== undefined,
      "it is complete",
    );
    assert.is(status.succeeded, 2);
    const pods = await node.api.list<PodObject>("Pod", { labelSelector: `job-name=${name}` });
    assert.equal(
      pods.map((pod) => pod.status.containerStatuses?.[0]?.restartCount),
      [1, 1],
    );
    await node.api.remove("Job", name);
  },
);
