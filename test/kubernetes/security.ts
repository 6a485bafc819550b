/** Security contexts: what a container may do, and as whom. */
import { readdirSync } from "node:fs";
import * as assert from "uvu/assert";
import { status } from "../harness/processes.ts";
import { claims } from "./claims.ts";
import { FOREVER, shell } from "./pods.ts";

const { claim, all } = claims();
export const security = all;

claim("a read-only root can't be written, but its volumes can", async ({ run }) => {
  await using pod = await run({
    containers: [
      shell("exec 2>&1; touch /file; echo $?; touch /data/file; echo $?", {
        securityContext: { readOnlyRootFilesystem: true },
        volumeMounts: [{ name: "data", mountPath: "/data" }],
      }),
    ],
    volumes: [{ name: "data", emptyDir: {} }],
  });
  assert.is((await pod.ended()).exitCode, 0);
  assert.is(await pod.log(), "touch: /file: Read-only file system\n1\n0\n");
});

claim("dropped and added capabilities are those of the process", async ({ run }) => {
  const capabilities = { drop: ["ALL"], add: ["NET_BIND_SERVICE", "CHOWN"] };
  await using pod = await run({
    containers: [shell(FOREVER, { securityContext: { capabilities, allowPrivilegeEscalation: false } })],
  });
  await pod.ready();
  const seen = status(await pod.pid());
  const wanted = (1 << 0) | (1 << 10); // CAP_CHOWN, CAP_NET_BIND_SERVICE: capabilities(7)
  for (const set of ["CapEff", "CapPrm", "CapBnd"]) assert.is(Number(`0x${seen.get(set)}`), wanted, set);
  assert.is(seen.get("NoNewPrivs"), "1");
});

claim("RuntimeDefault is a seccomp filter, and Unconfined none", async ({ run }) => {
  const profile = (type: string) => ({ securityContext: { seccompProfile: { type } } });
  await using pod = await run({
    containers: [
      shell(FOREVER, { name: "default", ...profile("RuntimeDefault") }),
      shell(FOREVER, { name: "none", ...profile("Unconfined") }),
    ],
  });
  await pod.ready();
  assert.is(status(await pod.pid("default")).get("Seccomp"), "2");
  assert.is(status(await pod.pid("none")).get("Seccomp"), "0");
  const unshare = ["unshare", "--user", "true"];
  assert.match((await pod.exec(unshare, "default")).stderr, /Operation not permitted/);
  assert.is((await pod.exec(unshare, "none")).status, 0);
});

claim("a user, its groups, and the group of volumes", async ({ run }) => {
  await using pod = await run({
    securityContext: { runAsUser: 1234, runAsGroup: 2345, supplementalGroups: [3456], fsGroup: 4567 },
    containers: [
      shell(`id -u; id -g; id -G; touch /data/file; stat -c '%u %g' /data/file; ${FOREVER}`, {
        volumeMounts: [{ name: "data", mountPath: "/data" }],
      }),
    ],
    volumes: [{ name: "data", emptyDir: {} }],
  });
  await pod.ready();
  assert.is(await pod.log(), "1234\n2345\n2345 3456 4567\n1234 4567\n");
  assert.is((await pod.exec(["id", "-G"])).stdout, "2345 3456 4567\n");
});

claim("a user that must not be root is refused as root", async ({ run }) => {
  await using pod = await run({ containers: [shell("true", { securityContext: { runAsNonRoot: true } })] });
  const { status: seen } = await pod.until(
    (one) => one.status.containerStatuses?.[0]?.state.waiting?.reason === "CreateContainerConfigError",
    "it is refused",
  );
  assert.match(seen.containerStatuses?.[0]?.state.waiting?.message ?? "", /runAsNonRoot/);
});

claim("a privileged container has the node's devices and may mount", async ({ run, node, runtime }) => {
  await using pod = await run({ containers: [shell(FOREVER, { securityContext: { privileged: true } })] });
  await pod.ready();
  const own = status("self").get("CapBnd");
  assert.is(status(await pod.pid()).get("CapEff"), own);
  const mounted = "mount -t tmpfs tmpfs /tmp && mount | grep ' /tmp '; grep ' /sys ' /proc/mounts";
  const said = await pod.exec(["sh", "-c", mounted]);
  assert.match(said.stdout, /^tmpfs on \/tmp type tmpfs/m);
  // containerd 1.6 asks for a read-only sysfs in the sandbox; runc makes it read-only itself, for all containers of the pod.
  if (runtime === "tsrun" || node.version === 2) assert.match(said.stdout, /^sysfs \/sys sysfs rw,/m);
  const devices = (await pod.exec(["ls", "/dev"])).stdout.split("\n");
  const missing = readdirSync("/dev", { withFileTypes: true })
    .filter((entry) => entry.isBlockDevice() || entry.isCharacterDevice())
    .filter(({ name }) => name !== "console" && !devices.includes(name)); // that of a container is its own
  assert.equal(
    missing.map(({ name }) => name),
    [],
  );
});

claim("an unprivileged container sees masked and read-only parts of /proc", async ({ run }) => {
  await using pod = await run({ containers: [shell(FOREVER)] });
  await pod.ready();
  assert.is((await pod.exec(["cat", "/proc/keys"])).stdout, "");
  assert.match(
    (await pod.exec(["sh", "-c", "echo 1 >/proc/sys/kernel/panic"])).stderr,
    /Read-only file system/,
  );
});
