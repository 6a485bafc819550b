/** Pods and their containers, as the kubelet has them through the Container Runtime Interface. */
import { join } from "node:path";
import { freshDirectory } from "../harness/environment.ts";
import { slowness } from "../harness/slowness.ts";
import { waitUntil } from "../harness/wait.ts";
import type { ContainerStatus, Cri, Message } from "./cri.ts";
import { BUSYBOX } from "./images.ts";
import { logIsWhole, textOf } from "./kubelet-log.ts";

/** The handler's name in containerd's configuration, which a RuntimeClass says. */
const HANDLER = "tsrun";

/** A script that goes on until its container is stopped. */
export const FOREVER = "trap 'exit 0' TERM; while :; do sleep 1 & wait; done";

export interface Pod extends AsyncDisposable {
  readonly id: string;
  /** A directory of the host for what its containers share. */
  readonly volume: string;
  ip(): Promise<string>;
  /** The pause process. */
  pid(): Promise<number>;
  /** Creates a container and starts it. */
  run(name: string, script: string, wishes?: Wishes): Promise<PodContainer>;
  /** Creates one that waits for `StartContainer`. */
  create(name: string, command: readonly string[], wishes?: Wishes): Promise<PodContainer>;
  stop(): Promise<void>;
}

/** What a container has besides a command: fields of CRI's ContainerConfig. */
export interface Wishes {
  readonly security?: Message;
  readonly resources?: Message;
  readonly attempt?: number;
  readonly config?: Message;
}

interface PodContainer {
  readonly id: string;
  start(): Promise<void>;
  status(): Promise<ContainerStatus>;
  pid(): Promise<number>;
  /** Its status, once it has ended. */
  ended(): Promise<ContainerStatus>;
  /** What it printed, as the kubelet's log has it. */
  log(): string;
  exec(
    ...cmd: string[]
  ): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }>;
}

let made = 0;

/** Runs a sandbox; `linux` are fields of CRI's LinuxPodSandboxConfig. It is removed with all in it at the end. */
export async function runPod(
  cri: Cri,
  linux: Message = {},
  config: Message = {},
  handler = HANDLER,
): Promise<Pod> {
  made += 1;
  const logs = freshDirectory("logs");
  const sandbox = {
    metadata: { name: `pod${made}`, uid: `uid${made}`, namespace: "default", attempt: 0 },
    log_directory: logs,
    dns_config: { servers: ["10.88.0.1"], searches: ["cluster.local"] },
    linux: { cgroup_parent: "/kubepods", ...linux },
    ...config,
  };
  const { pod_sandbox_id: id } = await cri.call("RunPodSandbox", {
    config: sandbox,
    runtime_handler: handler,
  });
  const status = () => cri.call("PodSandboxStatus", { pod_sandbox_id: id, verbose: true });

  const create: Pod["create"] = async (
    name,
    command,
    { security = {}, resources, attempt = 0, config: more } = {},
  ) => {
    const container = {
      metadata: { name, attempt },
      image: { image: BUSYBOX, user_specified_image: BUSYBOX },
      command,
      log_path: `${name}-${attempt}.log`,
      linux: { security_context: security, ...(resources === undefined ? {} : { resources }) },
      ...more,
    };
    const wanted = { pod_sandbox_id: id, config: container, sandbox_config: sandbox };
    const { container_id } = await cri.call("CreateContainer", wanted);
    return podContainer(cri, container_id, join(logs, container.log_path));
  };

  return {
    id,
    volume: freshDirectory("volume"),
    ip: async () => (await status()).status.network.ip,
    pid: async () => pidIn((await status()).info),
    create,
    async run(name, script, wishes) {
      const container = await create(name, ["sh", "-c", script], wishes);
      await container.start();
      return container;
    },
    stop: async () => void (await cri.call("StopPodSandbox", { pod_sandbox_id: id })),
    async [Symbol.asyncDispose]() {
      await cri.call("StopPodSandbox", { pod_sandbox_id: id });
      await cri.call("RemovePodSandbox", { pod_sandbox_id: id });
    },
  };
}

function podContainer(cri: Cri, id: string, log: string): PodContainer {
  const named = { container_id: id };
  const status = async () => (await cri.call("ContainerStatus", named)).status;
  return {
    id,
    status,
    start: async () => void (await cri.call("StartContainer", named)),
    pid: async () => pidIn((await cri.call("ContainerStatus", { ...named, verbose: true })).info),
    async ended() {
      let last = await status();
      for (let waited = 0; last.state !== "CONTAINER_EXITED" && waited < END_MS; waited += 50) {
        await Bun.sleep(50);
        last = await status();
      }
      // Its last words are read by another thread of the caller's.
      await waitUntil(() => logIsWhole(log), "its log is written");
      return last;
    },
    log: () => textOf(log),
    async exec(...cmd) {
      const { exit_code, stdout, stderr } = await cri.call("ExecSync", { ...named, cmd, timeout: 30 });
      return { status: exit_code, stdout: stdout.toString(), stderr: stderr.toString() };
    },
  };
}

const END_MS = 20_000 * slowness;

/** The verbose answers are JSON in a field `info`. */
export function pidIn({ info = "{}" }: Readonly<Record<string, string>>): number {
  const { pid } = JSON.parse(info) as { readonly pid: number }; // as containerd writes it
  return pid;
}
