/** Pods of the cluster, as the tests make and see them. */

import type { Said } from "../callers/call.ts";
import type { Message } from "../callers/cri.ts";
import { BUSYBOX } from "../callers/images.ts";
import { pidIn } from "../callers/pod.ts";
import { slowness } from "../harness/slowness.ts";
import { execInPod } from "./exec-stream.ts";
import { eventually, type Node, type Runtime } from "./node.ts";

/** What the tests read of a pod. */
export interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly ephemeralContainerStatuses?: readonly ContainerStatus[];
  };
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly containerID?: string;
  readonly state: ContainerState;
  readonly lastState: ContainerState;
}

/** One of the three. */
interface ContainerState {
  readonly running?: { readonly startedAt: string };
  readonly waiting?: { readonly reason: string; readonly message?: string };
  readonly terminated?: Terminated;
}

interface Terminated {
  readonly exitCode: number;
  readonly reason: string;
  readonly message?: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

/** A container that is ready may still print. */
const [LOOK_MS, MOST_LOOKS] = [200, 20];

/** A pod; it is deleted at the end of the test, and nobody waits for that. */
export interface Pod extends AsyncDisposable {
  readonly name: string;
  read(): Promise<PodObject>;
  /** Waits for a state of it. */
  until(condition: (pod: PodObject) => boolean, what: string): Promise<PodObject>;
  /** Waits until all its containers are ready. */
  ready(): Promise<PodObject>;
  /** Waits until it has ended, well or not; returns the end of its first container. */
  ended(): Promise<Terminated>;
  /** A command in its first container, or in the named one. */
  exec(command: readonly string[], container?: string): Promise<Said>;
  /** What a container printed, as `kubectl logs` tells it, once that is something and grows no more. */
  log(container?: string): Promise<string>;
  /** The pid of a container's first process. */
  pid(container?: string): Promise<number>;
  /** The sandbox, as the container runtime knows it. */
  sandbox(): Promise<Sandbox>;
  /** The ids of its sandboxes in a state. */
  sandboxes(state: string): Promise<readonly string[]>;
  /** Asks for its deletion and waits until it has gone from the API. */
  remove(graceSeconds?: number): Promise<void>;
}

interface Sandbox {
  readonly id: string;
  /** That of pause. */
  readonly pid: number;
  readonly state: string;
  readonly handler: string;
}

/** What one claim of the tests is about: a runtime on a node. */
export interface Setting {
  readonly node: Node;
  readonly runtime: Runtime;
  /** Creates a pod with this runtime; `spec` are fields of a PodSpec. */
  run(spec: Message, metadata?: Message): Promise<Pod>;
}

/** Metadata of a pod that stays to be looked at when it has been deleted, until `forget`. */
export const KEPT = { finalizers: ["tests/seen"] } as const;

export const forget = ({ api }: Node, { name }: Pod) =>
  api.patch("Pod", name, { metadata: { finalizers: null } });

let slept = 10_000;
/** A command that no other process has: it sleeps for hours. */
export const longSleep = () => `sleep ${++slept}`;

/** Runs until SIGTERM. */
export const FOREVER = "trap 'exit 0' TERM; while :; do sleep 1 & wait; done";

/** A container that runs a shell script; `fields` are others of a Container. */
export function shell(script: string, fields: Message = {}): Message & { readonly name: string } {
  return { name: "app", image: BUSYBOX, imagePullPolicy: "Never", command: ["sh", "-c", script], ...fields };
}

/** A ConfigMap with `word: config` and a Secret with `key: secret`, of the same name. */
export async function createWords({ api }: Node, name: string): Promise<void> {
  const common = { apiVersion: "v1", metadata: { name } };
  await api.create({ kind: "ConfigMap", ...common, data: { word: "config" } });
  await api.create({ kind: "Secret", ...common, stringData: { key: "secret" } });
}

let made = 0;
export const nextName = (runtime: Runtime) => `${runtime}-${++made}`;

export function setting(node: Node, runtime: Runtime): Setting {
  return {
    node,
    runtime,
    async run(spec, metadata = {}) {
      const name = nextName(runtime);
      await node.api.create({
        kind: "Pod",
        apiVersion: "v1",
        metadata: { name, ...metadata },
        spec: { ...podDefaults(runtime), ...spec },
      });
      return podOf(node, name);
    },
  };
}

/** What each pod of the tests has unless it says otherwise. */
export function podDefaults(runtime: Runtime) {
  return {
    runtimeClassName: runtime,
    terminationGracePeriodSeconds: 2,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    restartPolicy: "Never",
  };
}

/** A pod that somebody has made. */
export function podOf(node: Node, name: string): Pod {
  const { api, cri } = node;
  const read = () => api.read<PodObject>("Pod", name);
  const until: Pod["until"] = (condition, what) => api.until("Pod", name, condition, `${name}: ${what}`);
  const sandboxes = async (state: string) => {
    const { uid, annotations = {} } = (await read()).metadata;
    // A static pod has another uid than its mirror in the API.
    const known = annotations["kubernetes.io/config.hash"] ?? uid;
    const { items } = await cri.call("ListPodSandbox");
    const own = items.filter((one) => one.metadata.uid === known && one.state === state);
    return own.map(({ id }) => id);
  };
  const sandbox = async () => {
    const [id, ...more] = await sandboxes("SANDBOX_READY");
    if (id === undefined || more.length > 0) throw new Error(`${name} has ${more.length + 1} sandboxes`);
    const { status, info } = await cri.call("PodSandboxStatus", { pod_sandbox_id: id, verbose: true });
    return { id, pid: pidIn(info), state: status.state, handler: status.runtime_handler };
  };
  return {
    name,
    read,
    until,
    sandbox,
    sandboxes,
    async ready() {
      const pod = await until((one) => isReady(one) || hasEnded(one), "it is ready");
      if (!isReady(pod)) throw new Error(`${name} ended before it was ready: ${JSON.stringify(pod.status)}`);
      return pod;
    },
    async ended() {
      const { status } = await until(hasEnded, "it has ended");
      const terminated = status.containerStatuses?.[0]?.state.terminated;
      if (terminated === undefined)
        throw new Error(`${name} ended without a container: ${JSON.stringify(status)}`);
      return terminated;
    },
    exec: (command, container) => execInPod(name, command, container),
    async log(container) {
      let said = "";
      for (let looks = 0; looks < MOST_LOOKS; looks++) {
        const before = said;
        said = await api.log(name, container);
        if (said !== "" && said === before) break;
        await Bun.sleep(LOOK_MS * slowness);
      }
      return said;
    },
    async pid(container) {
      const id = containerId(statusOf(await read(), container));
      return pidIn((await cri.call("ContainerStatus", { container_id: id, verbose: true })).info);
    },
    async remove(graceSeconds) {
      await api.remove("Pod", name, graceSeconds);
      const isThere = async () =>
        (await api.list<PodObject>("Pod")).some((one) => one.metadata.name === name);
      await eventually(async () => !(await isThere()), `${name} has gone`);
    },
    [Symbol.asyncDispose]: () => api.remove("Pod", name, 1),
  };
}

const isReady = ({ status }: PodObject) =>
  status.conditions?.some((one) => one.type === "Ready" && one.status === "True") === true;

const hasEnded = ({ status: { phase } }: PodObject) => phase === "Succeeded" || phase === "Failed";

/** The status of a container of any kind, or of the first one; undefined as long as there is none. */
export function findStatus({ status }: PodObject, container?: string): ContainerStatus | undefined {
  const all = [
    ...(status.containerStatuses ?? []),
    ...(status.initContainerStatuses ?? []),
    ...(status.ephemeralContainerStatuses ?? []),
  ];
  return container === undefined ? all[0] : all.find((one) => one.name === container);
}

/** The same of one that must be there. */
export function statusOf(pod: PodObject, container?: string): ContainerStatus {
  const found = findStatus(pod, container);
  if (found === undefined)
    throw new Error(`there is no ${container ?? "container"}: ${JSON.stringify(pod.status)}`);
  return found;
}

/** Whether the first container runs, or has run. */
export function hasStarted(pod: PodObject): boolean {
  const { running, terminated } = findStatus(pod)?.state ?? {};
  return running !== undefined || terminated !== undefined;
}

/** Whether the first container has ended, and is ready again. */
export const isRestarted = (pod: PodObject) =>
  (findStatus(pod)?.restartCount ?? 0) > 0 && findStatus(pod)?.ready === true;

/** What the runtime calls a container. */
export function containerId({ name, containerID }: ContainerStatus): string {
  const id = containerID?.replace("containerd://", "");
  if (id === undefined || id === "") throw new Error(`${name} has no container yet`);
  return id;
}
