/** Pods with `hostUsers: false`: their root is an ordinary user of the node. */
import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { printed } from "../callers/call.ts";
import { freshDirectory } from "../harness/environment.ts";
import { namespaceOf, running, status } from "../harness/processes.ts";
import { claims } from "./claims.ts";
import { eventually } from "./node.ts";
import { createWords, FOREVER, isRestarted, longSleep, nextName, shell } from "./pods.ts";

const { claim, all } = claims();
export const userNamespaces = all;

const OWN_USERS = { hostUsers: false };
const mounted = (mountPath = "/data") => ({ volumeMounts: [{ name: "data", mountPath }] });

claim(
  "containers of a pod share a user namespace, whose root is an ordinary user of the node",
  async ({ run }) => {
    await using pod = await run({
      ...OWN_USERS,
      containers: [shell(FOREVER, { name: "one" }), shell(FOREVER, { name: "two" })],
    });
    await pod.ready();
    const [one, two, pause] = [await pod.pid("one"), await pod.pid("two"), (await pod.sandbox()).pid];
    for (const kind of ["user", "net", "ipc", "uts"] as const) {
      assert.is(namespaceOf(one, kind), namespaceOf(two, kind), kind);
      assert.is(namespaceOf(one, kind), namespaceOf(pause, kind), kind);
      assert.is.not(namespaceOf(one, kind), namespaceOf("self", kind), kind);
    }
    const first = Number(readFileSync(`/proc/${one}/uid_map`, "utf8").trim().split(/\s+/)[1]);
    assert.is(first % 65536, 0);
    assert.is(first > 0, true);
    assert.is(status(one).get("Uid")?.split("\t")[0], String(first));
    assert.is((await pod.exec(["id", "-u"], "one")).stdout, "0\n");
  },
);

claim("two pods have no user of the node in common", async ({ run }) => {
  await using first = await run({ ...OWN_USERS, containers: [shell(FOREVER)] });
  await using second = await run({ ...OWN_USERS, containers: [shell(FOREVER)] });
  await Promise.all([first.ready(), second.ready()]);
  const ranges = [];
  for (const pod of [first, second]) ranges.push(readFileSync(`/proc/${await pod.pid()}/uid_map`, "utf8"));
  assert.is.not(ranges[0], ranges[1]);
});

claim("files of the image are root's, and what is written is the container's own", async ({ run }) => {
  await using pod = await run({
    ...OWN_USERS,
    containers: [
      shell("stat -c %u:%g / /bin/busybox; touch /new; stat -c %u:%g /new; cat /proc/self/uid_map | wc -l"),
    ],
  });
  assert.is((await pod.ended()).exitCode, 0);
  assert.is(await pod.log(), "0:0\n0:0\n0:0\n1\n");
});

for (const [kind, volume] of [
  ["an emptyDir", { emptyDir: {} }],
  ["a memory emptyDir", { emptyDir: { medium: "Memory" } }],
] as const)
  claim(`${kind} can be written by root of the pod, and by its users`, async ({ run }) => {
    await using pod = await run({
      ...OWN_USERS,
      volumes: [{ name: "data", ...volume }],
      securityContext: { fsGroup: 3000 },
      containers: [
        shell(`touch /data/root; ${FOREVER}`, { name: "root", ...mounted() }),
        shell(`touch /data/user; stat -c %u:%g /data/user; ${FOREVER}`, {
          name: "user",
          securityContext: { runAsUser: 1000, runAsGroup: 2000 },
          ...mounted(),
        }),
      ],
    });
    await pod.ready();
    assert.is(
      (await pod.exec(["stat", "-c", "%u:%g", "/data/root", "/data"], "root")).stdout,
      "0:3000\n0:3000\n",
    );
    assert.is(await pod.log("user"), "1000:3000\n");
  });

claim("ConfigMaps, secrets and tokens are root's, and can be read", async ({ run, node, runtime }) => {
  const name = nextName(runtime);
  await createWords(node, name);
  await using pod = await run({
    ...OWN_USERS,
    automountServiceAccountToken: true,
    volumes: [
      { name: "data", projected: { sources: [{ configMap: { name } }, { secret: { name } }] } },
      { name: "single", configMap: { name } },
    ],
    containers: [
      shell(
        "cd /data; cat word key /etc/word; stat -Lc %u:%g word key; test -s /var/run/secrets/kubernetes.io/serviceaccount/token",
        {
          volumeMounts: [
            { name: "data", mountPath: "/data" },
            { name: "single", mountPath: "/etc/word", subPath: "word" },
          ],
        },
      ),
    ],
  });
  assert.is((await pod.ended()).exitCode, 0);
  assert.is(await pod.log(), "configsecretconfig0:0\n0:0\n");
});

claim(
  "files of the node in a hostPath keep their users, below a directory that only root may enter, too",
  async ({ run }) => {
    const closed = join(freshDirectory("host"), "closed");
    const open = join(closed, "open");
    mkdirSync(open, { recursive: true, mode: 0o700 });
    writeFileSync(join(open, "file"), "here\n");
    chownSync(join(open, "file"), 1000, 1000);
    await using pod = await run({
      ...OWN_USERS,
      volumes: [{ name: "data", hostPath: { path: open } }],
      containers: [
        shell(
          `cat /data/file; stat -c %u:%g /data /data/file; touch /data/new; stat -c %u:%g /data/new; ${FOREVER}`,
          mounted(),
        ),
      ],
    });
    await pod.ready();
    assert.is(await pod.log(), "here\n0:0\n1000:1000\n0:0\n");
    assert.is(statSync(join(open, "new")).uid, 0);
  },
);

claim("exec, probes and hooks run as the pod's root", async ({ run }) => {
  const isRoot = { exec: { command: ["sh", "-c", "test $(id -u) = 0 && touch /tmp/$0", "probed"] } };
  const hook = { exec: { command: ["sh", "-c", "id -u >/tmp/hooked"] } };
  await using pod = await run({
    ...OWN_USERS,
    containers: [
      shell(FOREVER, { readinessProbe: { ...isRoot, periodSeconds: 1 }, lifecycle: { postStart: hook } }),
    ],
  });
  await pod.ready();
  assert.is((await pod.exec(["stat", "-c", "%u", "/tmp/probed", "/tmp/hooked"])).stdout, "0\n0\n");
});

claim("a container that crashes is started again in the same user namespace", async ({ run }) => {
  await using pod = await run({ ...OWN_USERS, restartPolicy: "Always", containers: [shell(FOREVER)] });
  await pod.ready();
  const before = namespaceOf(await pod.pid(), "user");
  process.kill(await pod.pid(), "SIGKILL");
  await pod.until(isRestarted, "it runs again");
  assert.is(namespaceOf(await pod.pid(), "user"), before);
});

claim("all capabilities are those of the pod's own namespace", async ({ run }) => {
  await using pod = await run({
    ...OWN_USERS,
    containers: [shell(FOREVER, { securityContext: { capabilities: { add: ["SYS_ADMIN", "NET_ADMIN"] } } })],
  });
  await pod.ready();
  assert.is(
    (await pod.exec(["sh", "-c", "mount -t tmpfs tmpfs /tmp && ip link set eth0 mtu 1400"])).status,
    0,
  );
  assert.is.not((await pod.exec(["sh", "-c", "echo 1 >/proc/sys/kernel/panic"])).status, 0);
});

claim("procMount: Unmasked shows and lets write what is masked otherwise", async ({ run }) => {
  await using pod = await run({
    ...OWN_USERS,
    containers: [
      shell(FOREVER, { name: "usual" }),
      shell(FOREVER, { name: "unmasked", securityContext: { procMount: "Unmasked" } }),
    ],
  });
  await pod.ready();
  const covers = async (container: string) =>
    Number((await pod.exec(["grep", "-c", " /proc/", "/proc/mounts"], container)).stdout);
  assert.is(await covers("unmasked"), 0);
  assert.ok((await covers("usual")) > 5);
});

claim("a pod in a pod: with Unmasked, another proc can be mounted", async ({ run }) => {
  await using pod = await run({
    ...OWN_USERS,
    containers: [
      shell(
        "unshare --user --map-root-user --mount --pid --fork sh -c 'mount -t proc proc /proc && ps' | wc -l",
        {
          securityContext: { procMount: "Unmasked", seccompProfile: { type: "Unconfined" } },
        },
      ),
    ],
  });
  assert.is((await pod.ended()).exitCode, 0);
  assert.match(await pod.log(), /^[2-5]\n$/);
});

claim("processes in common, network sysctls and a group of all that ends with it", async ({ run }) => {
  const sleep = longSleep();
  await using pod = await run({
    ...OWN_USERS,
    shareProcessNamespace: true,
    securityContext: { sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "1" }] },
    containers: [shell(`${sleep} & exec ${sleep}`, { name: "one" }), shell(FOREVER, { name: "two" })],
  });
  await pod.ready();
  assert.match(printed(await pod.exec(["ps"], "two")), /^ *1 .* \/pause$/m);
  assert.is((await pod.exec(["cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start"], "two")).stdout, "1\n");
  assert.is(running(sleep).length, 2);
  await pod.remove(1);
  await eventually(() => running(sleep).length === 0, "all have ended");
});
