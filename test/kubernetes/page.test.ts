// Needs containerd, etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kubectl, crictl, ip, /usr/lib/cni/bridge.
/** The commands of docs/kubernetes.md, and of the tutorial on a kubelet, typed by root on a node whose containerd knows no tsrun. */
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { call, printed, startCall } from "../callers/call.ts";
import { NAMESPACES, NETWORKS, SOCKET, writeNetwork } from "../callers/containerd.ts";
import type { Message } from "../callers/cri.ts";
import { type Daemon, startDaemon } from "../callers/daemon.ts";
import { BUSYBOX, PAUSE, writeImages } from "../callers/images.ts";
import { watchMachine } from "../callers/leaks.ts";
import { INSTALLED } from "../callers/snippets.ts";
import { cgroup2Controllers } from "../harness/cgroups.ts";
import { freshDirectory, runtimePath } from "../harness/environment.ts";
import { chaptersOf, typeChapter } from "../harness/typists.ts";
import { FILES } from "./addresses.ts";
import { eventually, kubectl, startNode } from "./node.ts";
import { shell } from "./pods.ts";

const CONFIGURATION = "/etc/containerd/config.toml";

/** What the machine of the tests needs otherwise than containerd's defaults and the page have it. */
const OTHERWISE: Readonly<Record<string, unknown>> = {
  sandbox_image: PAUSE,
  disable_apparmor: true,
  restrict_oom_score_adj: true,
  disable_cgroup: !cgroup2Controllers().has("cpu"),
  netns_mounts_under_state_dir: true,
  bin_dir: "/usr/lib/cni",
  conf_dir: NETWORKS,
  SystemdCgroup: false,
};

function adapt(): void {
  const adapted = Object.entries(OTHERWISE).reduce(
    (text, [name, value]) => text.replaceAll(RegExp(`( ${name} =) .*`, "g"), `$1 ${JSON.stringify(value)}`),
    readFileSync(CONFIGURATION, "utf8"),
  );
  writeFileSync(CONFIGURATION, adapted);
}

/** /etc and /usr/local are the host's: what the commands write there is seen by this machine alone. */
function coverHost(): void {
  const layers = `${FILES.kubeletRoot}-layers`;
  for (const [directory, name] of [
    ["/etc/containerd", "etc"],
    ["/usr/local/bin", "bin"],
  ]) {
    const [upper, work] = [`${layers}/${name}/upper`, `${layers}/${name}/work`];
    printed(call(["mkdir", "-p", upper, work]));
    const options = `lowerdir=${directory},upperdir=${upper},workdir=${work}`;
    printed(call(["mount", "-t", "overlay", "-o", options, "overlay", directory ?? ""]));
  }
}

/** A containerd with the configuration that the node has. */
async function startContainerd(): Promise<Daemon> {
  writeNetwork();
  printed(call(["sh", "-c", `containerd config default >${CONFIGURATION}`]));
  adapt();
  const daemon = await startDaemon(["containerd", "--config", CONFIGURATION], SOCKET);
  const ctr = ["ctr", "--namespace", NAMESPACES.pods, "images"];
  printed(call([...ctr, "import", writeImages()]));
  printed(call([...ctr, "tag", BUSYBOX, "docker.io/library/busybox:stable"]));
  return daemon;
}

const desk = freshDirectory("desk");

const SHELL = [
  "env",
  `--chdir=${desk}`,
  `KUBECONFIG=${FILES.kubeconfig}`,
  `KUBECACHEDIR=${FILES.cache}`,
  `CONTAINER_RUNTIME_ENDPOINT=unix://${SOCKET}`,
  "sh",
  "-c",
];

/** Does what a command does, with this machine's paths and without its systemd; returns what it printed. */
async function typed(command: string): Promise<string> {
  if (command === "systemctl restart containerd") {
    adapt();
    await node.containerd.restart();
    return "";
  }
  const here = command.replace("bin/tsrun /usr", `${runtimePath} /usr`);
  return printed(await startCall([...SHELL, here]).ended());
}

coverHost();
const atFirst = watchMachine();
const node = await startNode(1, { containerd: startContainerd, classes: [] });

/** Pods that don't start, in the order of the page's table: what kubectl says of one, or its events. */
const MISHAPS: readonly ((name: string) => Promise<string>)[] = [
  async (name) =>
    (await kubectl(["create", "-f", "-"], pod(name, { runtimeClassName: "nope" })).ended()).stderr,
  async (name) => {
    const nope = { kind: "RuntimeClass", apiVersion: "node.k8s.io/v1", metadata: { name: "nope" } } as const;
    await node.api.create({ ...nope, handler: "nope" });
    return eventsOf(name, { runtimeClassName: "nope" });
  },
  async (name) => {
    renameSync(INSTALLED, `${INSTALLED}-away`);
    try {
      return await eventsOf(name);
    } finally {
      renameSync(`${INSTALLED}-away`, INSTALLED);
    }
  },
  async (name) => {
    renameSync(INSTALLED, `${INSTALLED}-patient`);
    writeFileSync(INSTALLED, HANGING, { mode: 0o755 });
    try {
      return await eventsOf(name);
    } finally {
      renameSync(`${INSTALLED}-patient`, INSTALLED);
    }
  },
  (name) => eventsOf(name, { hostUsers: false }),
];

/** A tsrun whose creations wait for their first mount. */
const HANGING = `#!/bin/sh
case " $* " in *" create "*) set -- --fault "mounts[0]=delay:60s" "$@" ;; esac
TSRUN_FAULTS=1 TSRUN_PATIENCE=3s exec ${INSTALLED}-patient "$@"
`;

const pod = (name: string, spec: Message) =>
  JSON.stringify({
    kind: "Pod",
    apiVersion: "v1",
    metadata: { name },
    spec: { runtimeClassName: "tsrun", containers: [shell("true")], ...spec },
  });

/** What is told of a pod that can't have a sandbox. */
async function eventsOf(name: string, spec: Message = {}): Promise<string> {
  printed(await kubectl(["create", "-f", "-"], pod(name, spec)).ended());
  const failures = async () =>
    (
      await node.api.list<{ readonly message: string }>("Event", {
        fieldSelector: `involvedObject.name=${name},reason=FailedCreatePodSandBox`,
      })
    ).map(({ message }) => message);
  await eventually(async () => (await failures()).length > 0, "there is an event");
  await node.api.remove("Pod", name, 0);
  return (await failures()).join("\n");
}

for (const chapter of chaptersOf(import.meta.path)) {
  test(chapter.heading, () => typeChapter(chapter, typed));
  if (chapter.heading !== "When a pod does not start") continue;
  for (const [index, message] of chapter.messages.entries())
    test(`it says ${message}`, async () => {
      const said = (await MISHAPS[index]?.(`mishap-${index}`)) ?? "";
      assert.ok(said.replaceAll("nope", "tsrun").includes(message), said);
    });
}

test("what the pages have made they remove", () => {
  assert.equal(readdirSync(desk), []);
});

test("nothing is left of the node", async () => {
  await node.stop();
  await atFirst("of the node");
});

test.run();
