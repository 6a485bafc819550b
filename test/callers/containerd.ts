import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { cgroup2Controllers } from "../harness/cgroups.ts";
import { freshDirectory, runtimePath, workDirectory } from "../harness/environment.ts";
import { call, printed } from "./call.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { PAUSE, writeImages } from "./images.ts";
import { snippet } from "./snippets.ts";

/** Where networks of CNI are. */
export const NETWORKS = join(workDirectory, "cni");

/** What pods' networks are plugged into; the first pod makes it, and nobody removes it. */
export const BRIDGE = "cni0";

/** Pods get an address each, and a bridge on this machine, and what `plugins` add. */
const network = (plugins: readonly unknown[]) => ({
  cniVersion: "0.4.0",
  name: "pods",
  plugins: [
    {
      type: "bridge",
      bridge: BRIDGE,
      isGateway: true,
      ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/24" }]], routes: [{ dst: "0.0.0.0/0" }] },
    },
    ...plugins,
  ],
});

/** What tsrun is compared with. */
const { RUNC = "runc" } = process.env;

export function writeNetwork(plugins: readonly unknown[] = []): void {
  mkdirSync(NETWORKS, { recursive: true });
  writeFileSync(join(NETWORKS, "10-pods.conflist"), JSON.stringify(network(plugins)));
}

/** A major version of containerd. */
export type Version = 1 | 2;

/** What each version calls things; the example of the page, and what this machine of the tests needs besides. */
const CONFIGURATIONS: Readonly<Record<Version, (systemd: boolean) => string>> = {
  1: (systemd) => `${example("containerd 1.6 and 1.7", runtimePath, systemd)}
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  BinaryName = "${RUNC}"

[plugins."io.containerd.grpc.v1.cri".containerd]
  default_runtime_name = "tsrun"

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
`,
  2: (systemd) => `${example("containerd 2", withoutLimits(runtimePath), systemd)}
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  BinaryName = "${withoutLimits(RUNC)}"
  SystemdCgroup = ${systemd}

[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "tsrun"

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${PAUSE}"

[plugins."io.containerd.cri.v1.runtime"]
  disable_apparmor = true
  disable_hugetlb_controller = ${!cgroup2Controllers().has("hugetlb")}
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "${NETWORKS}"
`,
};

function example(heading: string, runtime: string, systemd: boolean): string {
  return snippet(heading, "toml", runtime).replace(/(SystemdCgroup) = .*/, `$1 = ${systemd}`);
}

/**
 * A runtime for containerd 2, which has no disable_cgroup any more. Where cgroup v2 lacks controllers it is a program
 * that strikes out of each config.json what is asked of them, and then executes the runtime: 2 shares of every
 * sandbox, and memory.high and the like of the kubelet's containers.
 */
function withoutLimits(runtime: string): string {
  if (cgroup2Controllers().has("cpu")) return runtime;
  const path = join(freshDirectory("runtime"), basename(runtime));
  writeFileSync(path, WITHOUT_LIMITS.replace("RUNTIME", runtime), { mode: 0o755 });
  return path;
}

const WITHOUT_LIMITS = `#!/bin/sh
previous=
for word; do
  test "$previous" != --bundle || sed -E -i 's/,"(cpu|unified)":\\{[^}]*\\}//g' "$word/config.json"
  previous=$word
done
exec RUNTIME "$@"
`;

export const SOCKET = "/run/containerd/containerd.sock";

/** The namespace of pods, and that of `ctr` when it is told no other. */
export const NAMESPACES = { pods: "k8s.io", ctr: "default" } as const;

interface Wanted {
  readonly version?: Version;
  /** Where the programs of this version are; those in the PATH without it. */
  readonly directory?: string;
  /** Whether systemd makes the cgroups of its pods. */
  readonly systemd?: boolean;
  /** Those of its namespaces that have the images. */
  readonly namespaces?: readonly string[];
  /** CNI plugins besides. */
  readonly plugins?: readonly unknown[];
  /** Tables of its configuration besides. */
  readonly tables?: string;
}

/** Starts containerd with the images. Its directories are the usual ones: the machine has them for itself. */
export async function startContainerd({
  version = 1,
  directory,
  systemd = false,
  namespaces = Object.values(NAMESPACES),
  plugins = [],
  tables = "",
}: Wanted = {}): Promise<Daemon> {
  const config = join(workDirectory, "containerd.toml");
  writeFileSync(config, `${CONFIGURATIONS[version](systemd)}\n${tables}`);
  writeNetwork(plugins);
  const { PATH = "" } = process.env;
  const path = directory === undefined ? PATH : `${directory}:${PATH}`; // where containerd finds its shim, too
  const program = directory === undefined ? "containerd" : join(directory, "containerd");
  const daemon = await startDaemon([program, "--config", config], SOCKET, { PATH: path });
  for (const namespace of namespaces)
    printed(call(["ctr", "--namespace", namespace, "images", "import", writeImages()]));
  return daemon;
}
