/** The config.json of the example bundles: whole and real, as `spec` and Kubernetes' callers write them. */
import type { Config, Mount, User } from "../runtime-spec/config.ts";
import type { Namespace, NamespaceType } from "../runtime-spec/config-linux.ts";

/** What distinguishes one example from another. */
export interface Example {
  readonly args: readonly string[];
  readonly hostname: string;
  readonly user: User;
  readonly cwd?: string;
  /** What root may still do in the container; empty for everybody else. */
  readonly capabilities?: readonly string[];
  readonly readonlyRoot: boolean;
}

/** A complete config with namespaces of the container's own; see `joinSandbox` for a pod's containers. */
export function bundleConfig({
  args,
  hostname,
  user,
  cwd = "/",
  capabilities = [],
  readonlyRoot,
}: Example): Config {
  return {
    ociVersion: "1.0.2", // what is used here is no younger, and runtimes of 2020 read it
    process: {
      terminal: false,
      user,
      args,
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: readonlyRoot },
    hostname,
    mounts: MOUNTS,
    linux: {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: OWN_NAMESPACES.map((type) => ({ type })),
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
    },
  };
}

const OWN_NAMESPACES: readonly NamespaceType[] = ["pid", "network", "ipc", "uts", "mount", "cgroup"];

/** The seven that `spec` writes. */
const MOUNTS: readonly Mount[] = [
  { destination: "/proc", type: "proc", source: "proc" },
  {
    destination: "/dev",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  {
    destination: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
  },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
  {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
  },
];

const MASKED_PATHS = [
  ...["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats"],
  ...["/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
];

const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** What the containers of a pod share with its sandbox; the PID namespace only on request. */
const POD_NAMESPACES: Partial<Record<NamespaceType, string>> = { network: "net", ipc: "ipc", uts: "uts" };

/**
 * The same container as a member of a pod: it joins the network, IPC and UTS namespaces of the sandbox whose
 * init process the host knows as `sandboxPid`, and its PID namespace too if `sharePid`. It has no hostname then:
 * the sandbox's is everybody's.
 */
export function joinSandbox(config: Config, sandboxPid: number, { sharePid = false } = {}): Config {
  const { hostname: _sandboxs, linux = {}, ...rest } = config;
  const shared = sharePid ? { ...POD_NAMESPACES, pid: "pid" } : POD_NAMESPACES;
  const join = (namespace: Namespace): Namespace => {
    const file = shared[namespace.type];
    return file === undefined ? namespace : { ...namespace, path: `/proc/${sandboxPid}/ns/${file}` };
  };
  return { ...rest, linux: { ...linux, namespaces: (linux.namespaces ?? []).map(join) } };
}
