// Needs build/suites/sid/containerd/usr/bin/containerd, ctr, ip, /usr/lib/cni/bridge.
// The newest containerd that Debian has, and what containerd 1.6 could not ask for: the rest is in cri*.test.ts.
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freshDirectory, project } from "../harness/environment.ts";
import { mounted } from "../harness/mount.ts";
import { namespaceOf, status } from "../harness/processes.ts";
import { waitUntil } from "../harness/wait.ts";
import { NAMESPACES } from "./containerd.ts";
import type { Message } from "./cri.ts";
import { BUSYBOX, PAUSE } from "./images.ts";
import { watchMachine } from "./leaks.ts";
import { FOREVER, type Pod, runPod } from "./pod.ts";
import { podsOfContainerd } from "./pods-of-containerd.ts";

const { cri, leavesNothing } = await podsOfContainerd({
  version: 2,
  directory: join(project, "build/suites/sid/containerd/usr/bin"),
  namespaces: [NAMESPACES.pods],
});

/** What `hostUsers: false` becomes: the kubelet chooses the ids of the host. */
const IDS = [{ host_id: 100_000, container_id: 0, length: 65_536 }];
const MAPPED = { namespace_options: { userns_options: { mode: "POD", uids: IDS, gids: IDS } } };
const MAPPED_VOLUME = { uidMappings: IDS, gidMappings: IDS };

/** What a script prints in a container of the pod. */
async function printedIn(pod: Pod, script: string, mounts: readonly Message[], security: Message = {}) {
  const app = await pod.run("app", script, { config: { mounts }, security });
  await app.ended();
  return app.log();
}

/** A directory of the host's root with a tmpfs in it, each with a file. */
function directoryWithSubmount(): Disposable & { readonly path: string } {
  const path = freshDirectory("volume");
  mkdirSync(join(path, "sub"));
  const below = mounted(join(path, "sub"), "-t", "tmpfs", "below");
  for (const file of ["outer", "sub/inner"]) writeFileSync(join(path, file), "");
  return { path, [Symbol.dispose]: () => below[Symbol.dispose]() };
}

test("containerd 2 is called, and has read in `tsrun features` what the kubelet asks for", async () => {
  assert.match((await cri.call("Version")).runtime_version, /^v?2\./);
  const { runtime_handlers } = await cri.call("Status");
  assert.equal(runtime_handlers.find(({ name }) => name === "tsrun")?.features, {
    recursive_read_only_mounts: true,
    user_namespaces: true,
  });
});

test("a pod's whole life: localhost, exec, logs, exit codes; and nothing is left of it", async () => {
  const left = watchMachine();
  const pod = await runPod(cri, {}, { hostname: "web-0" });
  const named = { pod_sandbox_id: pod.id };
  const web = await pod.run("web", "echo ready; exec httpd -f -p 127.0.0.1:8080 -h /www");
  const side = await pod.run("side", FOREVER);
  await waitUntil(() => web.log() === "ready\n", "the web server is about to listen");
  const fetched = "until wget -q -O - http://127.0.0.1:8080/; do sleep 0.1; done";
  assert.match((await side.exec("sh", "-c", fetched)).stdout, /Hello from a pod/);
  const { status, stdout, stderr } = await side.exec("sh", "-c", "hostname; echo err >&2; exit 9");
  assert.equal({ status, stdout, stderr }, { status: 9, stdout: "web-0\n", stderr: "err\n" });
  await cri.call("StopContainer", { container_id: side.id, timeout: 10 });
  assert.is((await side.status()).exit_code, 0);
  await pod.stop();
  assert.is((await web.status()).state, "CONTAINER_EXITED");
  await cri.call("RemovePodSandbox", named);
  assert.equal((await cri.call("ListPodSandbox")).items, []);
  await left("of a pod that was removed");
});

test("a pod with a user namespace: its root is nobody on the host, and its containers share it", async () => {
  await using pod = await runPod(cri, { security_context: MAPPED });
  const web = await pod.run("web", "exec httpd -f -p 80 -h /www", { security: MAPPED });
  const side = await pod.run("side", FOREVER, { security: MAPPED });
  const [first, second] = [await web.pid(), await side.pid()];
  assert.is(namespaceOf(first, "user"), namespaceOf(await pod.pid(), "user"));
  assert.is(namespaceOf(first, "user"), namespaceOf(second, "user"));
  assert.is.not(namespaceOf(first, "user"), namespaceOf("self", "user"));
  for (const pid of [first, second]) assert.match(status(pid).get("Uid") ?? "", /^100000\b/);
  const fetched = "until wget -q -O - http://127.0.0.1/; do sleep 0.1; done";
  assert.match((await side.exec("sh", "-c", `id -u; ${fetched}`)).stdout, /^0\n(.*\n)*.*Hello from a pod/);
  assert.is((await side.exec("stat", "-c", "%u:%g", "/", "/www/index.html")).stdout, "0:0\n0:0\n");
});

test("an id-mapped volume, below a directory that only the host's root may enter", async () => {
  using volume = directoryWithSubmount();
  await using pod = await runPod(cri, { security_context: MAPPED });
  const hidden = freshDirectory("hidden");
  mkdirSync(join(hidden, "volume"));
  chownSync(join(hidden, "volume"), 1000, 1000);
  chmodSync(hidden, 0o700);
  const mounts = [
    { container_path: "/data", host_path: join(hidden, "volume"), ...MAPPED_VOLUME },
    { container_path: "/with", host_path: volume.path, ...MAPPED_VOLUME },
    { container_path: "/plain", host_path: volume.path, readonly: true },
  ];
  const script = `touch /data/new; stat -c %u:%g /data /data/new
    stat -c %u:%g /with/outer /with/sub/inner /plain/outer`;
  assert.is(await printedIn(pod, script, mounts, MAPPED), "1000:1000\n0:0\n0:0\n65534:65534\n65534:65534\n");
});

for (const [kind, security] of [
  ["", {}],
  [" in a user namespace", MAPPED],
] as const) {
  test(`a read-only volume${kind} may be so with all that is mounted below it, or by itself`, async () => {
    using volume = directoryWithSubmount();
    chmodSync(join(volume.path, "sub"), 0o777);
    await using pod = await runPod(cri, { security_context: security });
    const mount = { host_path: volume.path, readonly: true };
    const mounts = [
      { container_path: "/all", ...mount, recursive_read_only: true },
      { container_path: "/one", ...mount },
    ];
    const script = "for d in /all /one; do touch $d/new || touch $d/sub/new && echo $d; done 2>&1";
    const readOnly = (file: string) => `touch: ${file}: Read-only file system\n`;
    assert.is(
      await printedIn(pod, script, mounts, security),
      `${["/all/new", "/all/sub/new", "/one/new"].map(readOnly).join("")}/one\n`,
    );
  });

  test(`an image as a volume${kind} shows the image's files, which can't be changed`, async () => {
    await using pod = await runPod(cri, { security_context: security });
    const mapped = security === MAPPED ? MAPPED_VOLUME : {};
    const mount = { image: { image: BUSYBOX }, readonly: true, ...mapped };
    const mounts = [
      { container_path: "/image", ...mount },
      { container_path: "/other", ...mount, image: { image: PAUSE } },
    ];
    const script = "exec 2>&1; ls /other; stat -c %u:%g /image/www/index.html; touch /image/new";
    const said = await printedIn(pod, script, mounts, security);
    assert.match(said, /^(.*\n)*pause\n/);
    assert.match(said, /\n0:0\ntouch: \/image\/new: Read-only file system\n$/);
  });
}

leavesNothing();
test.run();
