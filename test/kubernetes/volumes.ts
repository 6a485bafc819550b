/** What is mounted into containers. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { call, printed } from "../callers/call.ts";
import type { Message } from "../callers/cri.ts";
import { freshDirectory } from "../harness/environment.ts";
import { readMounts } from "../harness/mountinfo.ts";
import { claims } from "./claims.ts";
import { eventually } from "./node.ts";
import { createWords, FOREVER, nextName, shell } from "./pods.ts";

const { claim, all } = claims();
export const volumes = all;

/** One volume `data` of this kind, mounted at /data with these fields of a VolumeMount. */
const at = (volume: Message, mount: Message = {}) => ({
  volume: { volumes: [{ name: "data", ...volume }] },
  mount: { volumeMounts: [{ name: "data", mountPath: "/data", ...mount }] },
});

claim("a memory emptyDir is a tmpfs of its size, and containers share it", async ({ run }) => {
  const { volume, mount } = at({ emptyDir: { medium: "Memory", sizeLimit: "1Mi" } });
  await using pod = await run({
    ...volume,
    containers: [shell(FOREVER, { name: "one", ...mount }), shell(FOREVER, { name: "two", ...mount })],
  });
  await pod.ready();
  assert.match((await pod.exec(["grep", " /data ", "/proc/mounts"], "one")).stdout, /^tmpfs /);
  assert.is((await pod.exec(["sh", "-c", "echo word >/data/file"], "one")).status, 0);
  assert.is((await pod.exec(["cat", "/data/file"], "two")).stdout, "word\n");
});

claim("ConfigMaps, secrets and the pod's own fields are files", async ({ run, node, runtime }) => {
  const name = nextName(runtime);
  await createWords(node, name);
  const sources = [
    { configMap: { name } },
    { secret: { name, items: [{ key: "key", path: "key", mode: 0o400 }] } },
    { downwardAPI: { items: [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }] } },
  ];
  const { volume, mount } = at({ projected: { sources } });
  await using pod = await run({
    ...volume,
    containers: [shell("exec 2>&1; cd /data; cat word key name; stat -Lc %a key; touch new", mount)],
  });
  assert.is((await pod.ended()).exitCode, 1);
  assert.is(await pod.log(), `configsecret${pod.name}400\ntouch: new: Read-only file system\n`);
});

claim("the token of the service account is one", async ({ run, node }) => {
  await using pod = await run({ automountServiceAccountToken: true, containers: [shell(FOREVER)] });
  await pod.ready();
  const path = "/var/run/secrets/kubernetes.io/serviceaccount";
  const token = printed(await pod.exec(["cat", `${path}/token`]));
  const review = await node.api.create<{ status: { authenticated?: boolean; user?: { username: string } } }>({
    kind: "TokenReview",
    apiVersion: "authentication.k8s.io/v1",
    metadata: {},
    spec: { token },
  });
  assert.is(review.status.user?.username, "system:serviceaccount:default:default");
  assert.is((await pod.exec(["cat", `${path}/namespace`])).stdout, "default");
});

claim("a subPath is one directory of a volume, or one file", async ({ run }) => {
  const directory = freshDirectory("host");
  mkdirSync(join(directory, "some/where"), { recursive: true });
  writeFileSync(join(directory, "some/where/file"), "here\n");
  const mounts = [
    { name: "data", mountPath: "/directory", subPath: "some/where" },
    { name: "data", mountPath: "/etc/file", subPath: "some/where/file", readOnly: true },
    { name: "data", mountPath: "/named", subPathExpr: "$(NAME)" },
  ];
  await using pod = await run({
    volumes: [{ name: "data", hostPath: { path: directory } }],
    containers: [
      shell("exec 2>&1; cat /directory/file /etc/file; touch /named/file; echo >/etc/file", {
        env: [{ name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
        volumeMounts: mounts,
      }),
    ],
  });
  assert.is((await pod.ended()).exitCode, 1);
  assert.match(await pod.log(), /^here\nhere\nsh: .*: Read-only file system\n$/);
  assert.ok(existsSync(join(directory, pod.name, "file")));
});

claim("mounts on the node appear in a volume that asks for them", async ({ run }) => {
  const directory = freshDirectory("host");
  mkdirSync(join(directory, "point"));
  const { volume, mount } = at({ hostPath: { path: directory } }, { mountPropagation: "HostToContainer" });
  await using pod = await run({
    ...volume,
    containers: [
      shell(FOREVER, { name: "follows", ...mount }),
      shell(FOREVER, { name: "stays", volumeMounts: [{ name: "data", mountPath: "/data" }] }),
    ],
  });
  await pod.ready();
  printed(call(["mount", "-t", "tmpfs", "tmpfs", join(directory, "point")]));
  try {
    const isMounted = async (container: string) =>
      (await pod.exec(["grep", "-c", " /data/point ", "/proc/mounts"], container)).stdout;
    assert.is(await isMounted("follows"), "1\n");
    assert.is(await isMounted("stays"), "0\n");
  } finally {
    printed(call(["umount", join(directory, "point")]));
  }
});

claim("mounts of a privileged container appear on the node, and go when it says so", async ({ run }) => {
  const directory = freshDirectory("host");
  const { volume, mount } = at({ hostPath: { path: directory } }, { mountPropagation: "Bidirectional" });
  await using pod = await run({
    ...volume,
    containers: [shell(FOREVER, { ...mount, securityContext: { privileged: true } })],
  });
  await pod.ready();
  const isThere = () => readMounts().some(({ mountPoint }) => mountPoint === join(directory, "point"));
  printed(await pod.exec(["sh", "-c", "mkdir /data/point && mount -t tmpfs tmpfs /data/point"]));
  assert.is(isThere(), true);
  printed(await pod.exec(["umount", "/data/point"]));
  await eventually(() => !isThere(), "it has gone from the node");
});

claim("a device of the node can be a volume", async ({ run }) => {
  const { volume } = at({ hostPath: { path: "/dev/null", type: "CharDevice" } });
  await using pod = await run({
    ...volume,
    containers: [
      shell("test -c /dev/nothing", { volumeMounts: [{ name: "data", mountPath: "/dev/nothing" }] }),
    ],
  });
  assert.is((await pod.ended()).exitCode, 0);
});
