// Needs containerd, ctr, ip, /usr/lib/cni/bridge.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Controllers, cgroup2Of } from "../harness/cgroups.ts";
import { status } from "../harness/processes.ts";
import { testIf } from "../harness/skip.ts";
import { waitUntil } from "../harness/wait.ts";
import { call, printed } from "./call.ts";
import { BRIDGE, SOCKET, startContainerd } from "./containerd.ts";
import { connectCri, type Message } from "./cri.ts";
import { watchMachine } from "./leaks.ts";
import { runPod, type Wishes } from "./pod.ts";

const controllers = cgroup2Controllers();
const atFirst = watchMachine();
const daemon = await startContainerd();
const cri = connectCri(SOCKET);

/** What a script prints in a container with these wishes, in a pod of its own. */
async function printedIn(script: string, wishes: Wishes, sandbox: Message = {}): Promise<string> {
  await using pod = await runPod(cri, sandbox);
  const app = await pod.run("app", script, wishes);
  const { exit_code } = await app.ended();
  if (exit_code !== 0) throw new Error(`exited ${exit_code}: ${app.log()}`);
  return app.log();
}

const FOREVER = "while :; do sleep 1; done";

test("user, group and further groups are those of the security context", async () => {
  const security = {
    run_as_user: { value: 1000 },
    run_as_group: { value: 2000 },
    supplemental_groups: [3000, 4000],
  };
  assert.is(await printedIn("id -u; id -g; id -G", { security }), "1000\n2000\n2000 3000 4000\n");
});

test("a user is found by name in the image", async () => {
  assert.is(
    await printedIn("id -un; echo $HOME", { security: { run_as_username: "app" } }),
    "app\n/home/app\n",
  );
});

test("capabilities are the default ones, fewer, more, or none", async () => {
  const effective = "grep CapEff /proc/self/status | cut -f 2";
  const withCapabilities = (capabilities: Message) => printedIn(effective, { security: { capabilities } });
  assert.is(await withCapabilities({}), "00000000a80425fb\n");
  assert.is(await withCapabilities({ drop_capabilities: ["ALL"] }), "0000000000000000\n");
  const one = { drop_capabilities: ["ALL"], add_capabilities: ["NET_ADMIN"] };
  assert.is(await withCapabilities(one), "0000000000001000\n");
});

test("no_new_privs is set when asked for", async () => {
  const flag = "grep NoNewPrivs /proc/self/status | cut -f 2";
  assert.is(await printedIn(flag, { security: { no_new_privs: true } }), "1\n");
  assert.is(await printedIn(flag, {}), "0\n");
});

test("a read-only root can't be written, and volumes still can", async () => {
  await using pod = await runPod(cri, { security_context: { readonly_rootfs: true } });
  const app = await pod.run("app", "exec 2>&1; touch /x; touch /data/x && echo data", {
    security: { readonly_rootfs: true },
    config: { mounts: [{ container_path: "/data", host_path: pod.volume }] },
  });
  await app.ended();
  assert.match(app.log(), /\/x: Read-only file system\ndata\n/);
});

test("a read-only volume can't be written", async () => {
  await using pod = await runPod(cri);
  const mounts = [{ container_path: "/data", host_path: pod.volume, readonly: true }];
  const app = await pod.run("app", "touch /data/x", { config: { mounts } });
  assert.is((await app.ended()).exit_code, 1);
  assert.match(app.log(), /Read-only file system/);
});

const FILTER = "grep Seccomp: /proc/self/status | cut -f 2";

test("seccomp: the runtime's default profile, or none", async () => {
  const profile = (profile_type: string) => ({ security: { seccomp: { profile_type } } });
  assert.is(await printedIn(FILTER, profile("RuntimeDefault")), "2\n");
  assert.is(await printedIn(FILTER, profile("Unconfined")), "0\n");
});

test("seccomp: a profile of the node's, which refuses mkdir", async () => {
  const directory = "/var/lib/kubelet/seccomp";
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "no-mkdir.json");
  const names = ["mkdir", "mkdirat"];
  writeFileSync(
    file,
    JSON.stringify({
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names, action: "SCMP_ACT_ERRNO", errnoRet: 95 }],
    }),
  );
  const seccomp = { profile_type: "Localhost", localhost_ref: file };
  assert.match(await printedIn("mkdir /tmp/x 2>&1 || true", { security: { seccomp } }), /not supported/);
});

test("masked and read-only paths are those of the security context", async () => {
  const security = { masked_paths: ["/proc/version", "/www"], readonly_paths: ["/etc"] };
  const log = await printedIn("wc -c </proc/version; ls /www | wc -l; touch /etc/x 2>&1 || true", {
    security,
  });
  assert.match(log, /^0\n0\n.*Read-only file system\n$/);
});

test("a privileged container has all capabilities, the host's devices, and nothing masked", async () => {
  const privileged = { privileged: true };
  const script =
    "grep CapEff /proc/self/status | cut -f 2; test -e /dev/full && mount -t tmpfs x /mnt && echo mounted";
  const log = await printedIn(
    `mkdir -p /mnt; ${script}`,
    { security: privileged },
    { security_context: privileged },
  );
  assert.is(log, `${status(process.pid).get("CapBnd")}\nmounted\n`);
});

test("a device of the host is there, and may be used as the pod says", async () => {
  // containerd allows /dev/full and its like to everybody.
  const devices = [{ container_path: "/dev/own", host_path: "/dev/kmsg", permissions: "w" }];
  const script = "exec 2>&1; (: >/dev/own) && echo writable; cat /dev/own || true";
  const log = await printedIn(script, { config: { devices } });
  assert.is(log, "writable\ncat: can't open '/dev/own': Operation not permitted\n");
});

test("mounts of the host reach a container that wants them, and a container's reach the host", async () => {
  const privileged = { privileged: true };
  await using pod = await runPod(cri, { security_context: privileged });
  printed(call(["mount", "-t", "tmpfs", "volume", pod.volume]));
  try {
    printed(call(["mount", "--make-shared", pod.volume]));
    mkdirSync(join(pod.volume, "down"));
    mkdirSync(join(pod.volume, "up"));
    const mount = { container_path: "/data", host_path: pod.volume };
    const follower = await pod.run("follower", FOREVER, {
      config: { mounts: [{ ...mount, propagation: "PROPAGATION_HOST_TO_CONTAINER" }] },
    });
    const giver = await pod.run("giver", FOREVER, {
      security: privileged,
      config: { mounts: [{ ...mount, propagation: "PROPAGATION_BIDIRECTIONAL" }] },
    });
    printed(call(["mount", "-t", "tmpfs", "host", join(pod.volume, "down")]));
    assert.is((await giver.exec("mount", "-t", "tmpfs", "container", "/data/up")).status, 0);
    assert.match(
      (await follower.exec("mount")).stdout,
      /^host on \/data\/down .*\n(.*\n)*container on \/data\/up /m,
    );
    assert.match(
      readFileSync("/proc/self/mountinfo", "utf8"),
      new RegExp(`${pod.volume}/up .* tmpfs container`),
    );
  } finally {
    printed(call(["umount", "--recursive", pod.volume]));
  }
});

test("environment, directory and arguments are the pod's", async () => {
  await using pod = await runPod(cri);
  const app = await pod.create("app", ["sh", "-c", 'pwd; echo "$WORD $1"', "sh", "one argument"], {
    config: { working_dir: "/www", envs: [{ key: "WORD", value: "a word" }] },
  });
  await app.start();
  assert.is((await app.ended()).exit_code, 0);
  assert.is(app.log(), "/www\na word one argument\n");
});

test("a container with a terminal writes its log through it", async () => {
  await using pod = await runPod(cri);
  const app = await pod.run("app", "tty", { config: { tty: true } });
  assert.is((await app.ended()).exit_code, 0);
  assert.match(app.log(), /^\/dev\/pts\/0\r?\n$/);
});

const NEEDS_HUGETLB = "needs cgroup controller hugetlb";
testIf(controllers.has("hugetlb"), NEEDS_HUGETLB)(
  "UpdateContainerResources changes the limits of a running container",
  async () => {
    await using pod = await runPod(cri);
    const app = await pod.run("app", FOREVER);
    const limit = () => readFileSync(join(cgroup2Of(init), "hugetlb.2MB.max"), "utf8").trim();
    const init = await app.pid();
    const linux = { unified: { "hugetlb.2MB.max": "4194304" } };
    await cri.call("UpdateContainerResources", { container_id: app.id, linux });
    await waitUntil(() => limit() === "4194304", "the limit is there");
  },
);

testIf(!controllers.has("memory"), "the cgroup controller memory is there")(
  "a limit that this host can't set is refused with tsrun's words, and the container goes on",
  async () => {
    await using pod = await runPod(cri);
    const app = await pod.run("app", FOREVER);
    const linux = { memory_limit_in_bytes: 64 * 1024 * 1024 };
    const refusal = await cri.call("UpdateContainerResources", { container_id: app.id, linux }).then(
      () => "it succeeded",
      (error: Error) => error.message,
    );
    assert.match(refusal, /standard input: memory\.limit: .* has no memory controller/);
    assert.is((await app.exec("true")).status, 0);
  },
);

test("when containerd is started again, pods are still there and can be stopped", async () => {
  await using pod = await runPod(cri);
  const app = await pod.run("app", FOREVER);
  const init = await app.pid();
  await daemon.restart();
  assert.is(await app.pid(), init);
  assert.is((await app.exec("echo", "still here")).stdout, "still here\n");
});

test("nothing is left of all these, nor of containerd", async () => {
  cri[Symbol.dispose]();
  await daemon.stop();
  printed(call(["ip", "link", "delete", BRIDGE]));
  await atFirst("of containerd");
});

test.run();
