/** Pods that the kubelet reads from files, without the API server's part. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { freshDirectory } from "../harness/environment.ts";
import { running } from "../harness/processes.ts";
import { FILES, NODE } from "./addresses.ts";
import { claims } from "./claims.ts";
import { eventually } from "./node.ts";
import { longSleep, nextName, podDefaults, podOf, shell } from "./pods.ts";

const { claim, all } = claims();
export const staticPods = all;

claim("a pod comes and goes with its file", async ({ node, runtime }) => {
  const name = nextName(runtime);
  const sleep = longSleep();
  const { automountServiceAccountToken: _, ...spec } = podDefaults(runtime);
  const manifest = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default" },
    spec: { ...spec, restartPolicy: "Always", containers: [shell(`exec ${sleep}`)] },
  };
  const file = join(FILES.manifests, `${name}.json`);
  const draft = join(freshDirectory("manifest"), "draft");
  writeFileSync(draft, JSON.stringify(manifest));
  renameSync(draft, file); // the kubelet never reads half of it
  try {
    await eventually(() => running(sleep).length === 1, "it runs");
    const mirror = podOf(node, `${name}-${NODE}`);
    await eventually(
      () =>
        mirror.read().then(
          () => true,
          () => false,
        ),
      "the API has its mirror",
    );
    await mirror.ready();
    assert.is((await mirror.sandbox()).handler, runtime);
  } finally {
    rmSync(file);
  }
  await eventually(() => running(sleep).length === 0, "it has ended");
});
