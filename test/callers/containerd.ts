import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroup2Controllers } from "../harness/cgroups.ts";
import { runtimePath, workDirectory } from "../harness/environment.ts";
import { call, printed } from "./call.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { PAUSE, writeImages } from "./images.ts";
import { snippet } from "./snippets.ts";

const NETWORKS = join(workDirectory, "cni");

/** What pods' networks are plugged into; the first pod makes it, and nobody removes it. */
export const BRIDGE = "cni0";

/** Pods get an address each, and a bridge on this machine. */
const NETWORK = {
  cniVersion: "0.4.0",
  name: "pods",
  plugins: [
    {
      type: "bridge",
      bridge: BRIDGE,
      isGateway: true,
      ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/24" }]], routes: [{ dst: "0.0.0.0/0" }] },
    },
  ],
};

/** The example of the page, and what this machine of the tests needs besides. */
function configuration(systemd: boolean): string {
  return `${snippet("containerd 1.6 and 1.7", "toml", runtimePath).replace(/(SystemdCgroup) = .*/, `$1 = ${systemd}`)}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE}"
  disable_apparmor = true
  # No CAP_SYS_RESOURCE may be here to lower oom_score_adj with.
  restrict_oom_score_adj = true
  # Every sandbox asks for 2 cpu.shares, for which cgroup v2 here may have no controller.
  disable_cgroup = ${!cgroup2Controllers().has("cpu")}
  netns_mounts_under_state_dir = true
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${NETWORKS}"
`;
}

export const SOCKET = "/run/containerd/containerd.sock";

/** The namespace of pods, and that of `ctr` when it is told no other. */
export const NAMESPACES = { pods: "k8s.io", ctr: "default" } as const;

/**
 * Starts containerd, with the images in these of its namespaces. Its directories are the usual ones: the machine has
 * them for itself. With `systemd` that makes the cgroups of its pods.
 */
export async function startContainerd({
  systemd = false,
  namespaces = Object.values(NAMESPACES) as readonly string[],
} = {}): Promise<Daemon> {
  const config = join(workDirectory, "containerd.toml");
  writeFileSync(config, configuration(systemd));
  mkdirSync(NETWORKS, { recursive: true });
  writeFileSync(join(NETWORKS, "10-pods.conflist"), JSON.stringify(NETWORK));
  const daemon = await startDaemon(["containerd", "--config", config], SOCKET);
  for (const namespace of namespaces)
    printed(call(["ctr", "--namespace", namespace, "images", "import", writeImages()]));
  return daemon;
}
