/** Configurations to start from: what `spec` writes, and what the example bundles are made of. */
import type { Config, Mount } from "../../runtime-spec/config.ts";
import type { Namespace, NamespaceType } from "../../runtime-spec/config-linux.ts";

const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Capabilities of `spec`'s shell: runc's choice. Docker's documentation describes them as harmless. */
const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

/** The namespaces that a container has of its own unless told otherwise. */
const OWN_NAMESPACES: readonly NamespaceType[] = ["pid", "network", "ipc", "uts", "mount", "cgroup"];

const DEFAULT_MOUNTS: readonly Mount[] = [
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

/** Files of proc and sys that reveal too much about the host, or could change it. */
const MASKED_PATHS = [
  ...["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats"],
  ...["/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
];
const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** A shell on a terminal in a read-only rootfs, isolated, with few capabilities: what `spec` writes. */
export function defaultConfig(): Config {
  return {
    ociVersion: "1.0.2", // nothing here is newer, and runtimes of 2020 accept it
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: [DEFAULT_PATH, "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "tsrun",
    mounts: DEFAULT_MOUNTS,
    linux: {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: OWN_NAMESPACES.map((type) => ({ type })),
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
    },
  };
}

/**
 * The same for a user other than root: a user namespace with that user as its root, the host's network and a view
 * of its /sys, since both belong to somebody else; no limits.
 */
export function rootlessConfig(uid: number, gid: number): Config {
  const { linux = {}, mounts = [], ...rest } = defaultConfig();
  const { resources: _needsACgroup, ...others } = linux;
  const namespaces = OWN_NAMESPACES.filter((type) => type !== "network" && type !== "cgroup");
  return {
    ...rest,
    mounts: mounts.filter(({ type }) => type !== "cgroup").map(withoutPrivileges),
    linux: {
      ...others,
      namespaces: [...namespaces, "user" as const].map((type) => ({ type })),
      uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
    },
  };
}

/** gid 5 is not mapped, and sysfs cannot be mounted over the host's network. */
function withoutPrivileges(mount: Mount): Mount {
  const options = (mount.options ?? []).filter((option) => option !== "gid=5");
  if (mount.type !== "sysfs") return mount.options === undefined ? mount : { ...mount, options };
  return {
    destination: "/sys",
    type: "none",
    source: "/sys",
    options: ["rbind", ...options.filter((option) => option !== "ro"), "rro"],
  };
}

/** What the containers of a pod share with its sandbox; the pid namespace only on request. */
const POD_NAMESPACES: { readonly [type in NamespaceType]?: string } = {
  network: "net",
  ipc: "ipc",
  uts: "uts",
};

/**
 * The same container as a member of a pod: it joins the network, ipc and uts namespaces of the sandbox whose
 * init process the host knows as `sandboxPid`, and its pid namespace too if `sharePid`. It sets no hostname, since it
 * shares the sandbox's. With `inUser` it joins the sandbox's user namespace as well; otherwise its root
 * would be the host's.
 */
export function joinSandbox(
  config: Config,
  sandboxPid: number,
  { sharePid = false, inUser = false } = {},
): Config {
  const { hostname: _sandboxs, linux = {}, ...rest } = config;
  const shared = sharePid ? { ...POD_NAMESPACES, pid: "pid" } : POD_NAMESPACES;
  const path = (file: string) => `/proc/${sandboxPid}/ns/${file}`;
  const join = (namespace: Namespace): Namespace => {
    const file = shared[namespace.type];
    return file === undefined ? namespace : { ...namespace, path: path(file) };
  };
  const user = inUser ? [{ type: "user", path: path("user") } as const] : [];
  return { ...rest, linux: { ...linux, namespaces: [...(linux.namespaces ?? []).map(join), ...user] } };
}
