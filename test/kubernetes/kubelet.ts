/** The kubelet of the node. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SOCKET } from "../callers/containerd.ts";
import type { Message } from "../callers/cri.ts";
import { type Daemon, startDaemon } from "../callers/daemon.ts";
import { freshDirectory } from "../harness/environment.ts";
import { ADDRESS, FILES, NODE, PORTS } from "./addresses.ts";

const CONFIGURATION = {
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  kind: "KubeletConfiguration",
  containerRuntimeEndpoint: `unix://${SOCKET}`,
  staticPodPath: FILES.manifests,
  fileCheckFrequency: "1s",
  volumePluginDir: FILES.plugins,
  // The machine's cgroup v2 may lack the controllers that the pods' own cgroups want.
  cgroupDriver: "cgroupfs",
  cgroupsPerQOS: false,
  enforceNodeAllocatable: ["none"],
  failSwapOn: false,
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: "AlwaysAllow" },
  resolvConf: FILES.resolvConf,
  clusterDNS: [ADDRESS],
  clusterDomain: "cluster.local",
  makeIPTablesUtilChains: false,
  // Whatever is left of the disk and the memory of the machine is enough.
  localStorageCapacityIsolation: false,
  evictionHard: { "memory.available": "1Mi", "nodefs.available": "0.01%", "imagefs.available": "0.01%" },
  imageGCHighThresholdPercent: 100,
  // A crashed container is started again after 1, 2, 2, 2 … seconds.
  crashLoopBackOff: { maxContainerRestartPeriod: "2s" },
  syncFrequency: "10s",
  maxPods: 500,
  featureGates: { KubeletInUserNamespace: true, KubeletCrashLoopBackOffMax: true },
} as const;

/** What the kubelet writes for the whole machine, which isn't its own: it finds these values there. */
const SYSCTLS = {
  "vm/overcommit_memory": 1,
  "vm/panic_on_oom": 0,
  "kernel/panic": 10,
  "kernel/panic_on_oops": 1,
  "kernel/keys/root_maxkeys": 1_000_000,
  "kernel/keys/root_maxbytes": 25_000_000,
} as const;

export interface KubeletWishes {
  /** Fields over those of the usual configuration. */
  readonly configuration?: Message;
  /** Whether the whole machine is its own, with all sysctls. */
  readonly ownsMachine?: boolean;
}

export function startKubelet({ configuration = {}, ownsMachine = false }: KubeletWishes): Promise<Daemon> {
  writeFileSync(FILES.kubelet, JSON.stringify({ ...CONFIGURATION, ...configuration }));
  mkdirSync(FILES.kubeletRoot, { recursive: true });
  return startDaemon(
    [
      ...(ownsMachine ? [] : underSysctls()),
      "kubelet",
      `--config=${FILES.kubelet}`,
      `--kubeconfig=${FILES.kubeconfig}`,
      `--root-dir=${FILES.kubeletRoot}`,
      `--hostname-override=${NODE}`,
      `--node-ip=${ADDRESS}`,
    ],
    PORTS.kubeletHealth,
  );
}

/**
 * Starts a program where files lie over these sysctls. Its mount namespace shares all other mounts with the machine; the
 * machine's own /proc stays uncovered, else user namespaces could mount none (mount_namespaces(7)).
 */
function underSysctls(): readonly string[] {
  const sysctls = freshDirectory("sysctls");
  const binds = Object.entries(SYSCTLS).map(([path, value], index) => {
    const file = join(sysctls, String(index));
    writeFileSync(file, `${value}\n`);
    return `mount --bind ${file} /proc/sys/${path}`;
  });
  const boot = ["mount --make-private /proc", ...binds, 'exec "$@"'].join(" && ");
  return ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", boot, "sh"];
}
