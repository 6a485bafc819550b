/** A node of Kubernetes that is a whole cluster, on the machine of a test file. */
import { type Calling, startCall } from "../callers/call.ts";
import { SOCKET, startContainerd, type Version } from "../callers/containerd.ts";
import { type Cri, connectCri } from "../callers/cri.ts";
import type { Daemon } from "../callers/daemon.ts";
import { slowness } from "../harness/slowness.ts";
import { clearCluster, FILES, NODE, prepareCluster } from "./addresses.ts";
import { type Api, connectApi } from "./api.ts";
import { startApiServer, startControllers, startEtcd, startScheduler } from "./control-plane.ts";
import { type KubeletWishes, startKubelet } from "./kubelet.ts";

/** Handlers in containerd's configuration; each has a RuntimeClass of its name. */
export const RUNTIMES = ["tsrun", "runc"] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** As a runtime's `features` announces it to containerd, and that to the kubelet. */
type Feature = "userNamespaces" | "recursiveReadOnlyMounts";

export interface Node {
  readonly version: Version;
  readonly api: Api;
  readonly cri: Cri;
  readonly containerd: Daemon;
  readonly kubelet: Daemon;
  /** The runtimes that the kubelet may give a feature to. */
  withFeature(feature: Feature): readonly Runtime[];
  /** Waits until all pods that were deleted have gone, and their sandboxes' records, which the kubelet keeps for a minute. */
  cleared(): Promise<void>;
  /** Ends all its daemons. */
  stop(): Promise<void>;
}

/** Where the programs of each version of containerd are. */
const { CONTAINERD_1 = "/usr/bin", CONTAINERD_2 } = process.env;
const DIRECTORIES: Readonly<Record<Version, string | undefined>> = { 1: CONTAINERD_1, 2: CONTAINERD_2 };

/** Why there can be no node with this containerd here; null when it can. */
export function whyNot(version: Version): string | null {
  return DIRECTORIES[version] === undefined
    ? `needs a containerd ${version}: CONTAINERD_${version} names its directory`
    : null;
}

/** What a node belongs to. */
export interface Cluster {
  readonly api: Api;
  stop(): Promise<void>;
}

/** Starts all of a cluster but its nodes; these runtimes have a RuntimeClass from the start. */
export async function startCluster(classes: readonly Runtime[] = RUNTIMES): Promise<Cluster> {
  prepareCluster();
  const etcd = await startEtcd();
  const apiServer = await startApiServer();
  const api = connectApi();
  await eventually(api.isReady, "the API server is ready");
  const [scheduler, controllers] = await Promise.all([startScheduler(), startControllers()]);
  for (const name of classes)
    await api.create({
      kind: "RuntimeClass",
      apiVersion: "node.k8s.io/v1",
      metadata: { name },
      handler: name,
    });
  return {
    api,
    async stop() {
      for (const daemon of [scheduler, controllers, apiServer, etcd]) await daemon.stop();
      clearCluster();
    },
  };
}

interface Wanted {
  /** Starts what it belongs to, where it is not the whole cluster. */
  readonly cluster?: () => Promise<Cluster>;
  /** Starts another containerd than one with the tests' configuration. */
  readonly containerd?: () => Promise<Daemon>;
  /** The runtimes that have a RuntimeClass from the start, where it is the whole cluster. */
  readonly classes?: readonly Runtime[];
  readonly kubelet?: KubeletWishes;
}

/** Starts all of it, and waits until pods can be made. */
export async function startNode(
  version: Version,
  {
    classes = RUNTIMES,
    cluster: makeCluster = () => startCluster(classes),
    containerd: start = () => ofTests(version),
    kubelet: wishes = {},
  }: Wanted = {},
): Promise<Node> {
  const [cluster, containerd] = await Promise.all([makeCluster(), start()]);
  const { api } = cluster;
  const kubelet = await startKubelet(wishes);
  await eventually(() => takesPods(api), "the node takes pods");
  const { runtimeHandlers = [] } = (await api.read<NodeObject>("Node", NODE)).status;
  const cri = connectCri(SOCKET);
  return {
    ...{ version, api, cri, containerd, kubelet },
    withFeature: (feature) =>
      RUNTIMES.filter((name) => runtimeHandlers.some((one) => one.name === name && one.features?.[feature])),
    async cleared() {
      await eventually(async () => (await api.list("Pod")).length === 0, "no pod is there");
      const { items } = await cri.call("ListPodSandbox");
      for (const { id } of items) await cri.call("RemovePodSandbox", { pod_sandbox_id: id });
    },
    async stop() {
      cri[Symbol.dispose]();
      await kubelet.stop();
      await containerd.stop();
      await cluster.stop();
    },
  };
}

/** Starts the containerd of the tests; with `systemd` that makes the cgroups of its pods. */
export function ofTests(version: Version, systemd = false): Promise<Daemon> {
  const directory = DIRECTORIES[version];
  return startContainerd({
    version,
    systemd,
    namespaces: ["k8s.io"],
    ...(directory === undefined ? {} : { directory }),
  });
}

interface NodeObject {
  readonly spec: { readonly taints?: readonly unknown[] };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly runtimeHandlers?: readonly {
      readonly name: string;
      readonly features?: Readonly<Partial<Record<Feature, boolean>>>;
    }[];
  };
}

/** Whether the node is ready, and what each pod gets is there, which controllers make. */
async function takesPods(api: Api): Promise<boolean> {
  const isThere = (kind: "ServiceAccount" | "ConfigMap", name: string) =>
    api.read(kind, name).then(
      () => true,
      () => false,
    );
  const nodes = await api.list<NodeObject>("Node");
  const isReady = ({ spec, status }: NodeObject) =>
    spec.taints === undefined &&
    status.conditions?.some((one) => one.type === "Ready" && one.status === "True") === true;
  return (
    nodes.some(isReady) &&
    (await isThere("ServiceAccount", "default")) &&
    (await isThere("ConfigMap", "kube-root-ca.crt"))
  );
}

const PATIENCE_MS = 90_000 * slowness;

/** Waits for what takes a while. @throws Error naming `what` */
export async function eventually(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${PATIENCE_MS / 1000} s in vain until ${what}`);
    await Bun.sleep(100 * slowness);
  }
}

/** `kubectl` as a person calls it, for this cluster. */
export const KUBECTL = ["kubectl", `--kubeconfig=${FILES.kubeconfig}`, `--cache-dir=${FILES.cache}`] as const;

export function kubectl(words: readonly string[], input: string | null = null): Calling {
  return startCall([...KUBECTL, ...words], input);
}
