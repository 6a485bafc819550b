import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { busyboxPath } from "../rootfs/busybox-binary.ts";

const APPLETS = ["true", "echo", "sleep"] as const;
const DIRECTORIES = ["bin", "dev", "proc", "sys"] as const;

/** Makes a rootfs with a static busybox. Returns its path. */
export function makeRootfs(directory: string): string {
  const rootfs = join(directory, "rootfs");
  for (const name of DIRECTORIES) mkdirSync(join(rootfs, name), { recursive: true });
  cpSync(busyboxPath(), join(rootfs, "bin/busybox"), { dereference: true });
  for (const applet of APPLETS) symlinkSync("busybox", join(rootfs, "bin", applet));
  return rootfs;
}

/** Makes a bundle of that rootfs whose process is `args`. Returns its path. */
export function makeBundle(directory: string, name: string, rootfs: string, args: readonly string[]): string {
  return writeBundle(directory, name, config(rootfs, args));
}

/** The same in a cgroup of its own. Returns its path. */
export function makeCgroupBundle(
  directory: string,
  name: string,
  rootfs: string,
  cgroupsPath: string,
  args: readonly string[],
): string {
  const { linux, ...rest } = config(rootfs, args);
  return writeBundle(directory, name, { ...rest, linux: { ...linux, cgroupsPath } });
}

const MANY_MOUNTS = 1000;
const MANY_MASKS = 130;

/** The same with a thousand bind mounts and 130 masked directories, as busy nodes and hardened configs have them. */
export function makeManyBundle(directory: string, rootfs: string, args: readonly string[]): string {
  const places = (count: number, name: string) =>
    Array.from({ length: count }, (_, index) => `/${name}/${index}`);
  const masks = places(MANY_MASKS, "masked");
  const mounted = places(MANY_MOUNTS, "many");
  for (const path of [...masks, ...mounted]) mkdirSync(join(rootfs, path), { recursive: true });
  const { mounts, linux, ...rest } = config(rootfs, args);
  return writeBundle(directory, "many", {
    ...rest,
    mounts: [
      ...mounts,
      ...mounted.map((destination) => ({
        destination,
        type: "bind",
        source: "/usr",
        options: ["rbind", "ro"],
      })),
    ],
    linux: { ...linux, maskedPaths: masks },
  });
}

const IDS = [{ containerID: 0, hostID: 200_000, size: 65_536 }];

/** The same in a user namespace, as Kubernetes' `hostUsers: false` and podman's --userns have it. */
export function makeUserNamespaceBundle(directory: string, rootfs: string, args: readonly string[]): string {
  const { linux, ...rest } = config(rootfs, args);
  const namespaces = [...linux.namespaces, { type: "user" }];
  return writeBundle(directory, "user-namespace", {
    ...rest,
    linux: { ...linux, namespaces, uidMappings: IDS, gidMappings: IDS },
  });
}

function writeBundle(directory: string, name: string, contents: object): string {
  const bundle = join(directory, name);
  mkdirSync(bundle);
  writeFileSync(join(bundle, "config.json"), JSON.stringify(contents, null, 2));
  return bundle;
}

/** Configs as callers wrote them. */
const RECORDED = resolve(import.meta.dir, "../test/unit/runtime-spec/configs");

/**
 * Makes a bundle with containerd's default config and its default seccomp profile of 360 names for three
 * architectures, as `ctr run --seccomp` has it. Without cgroupsPath, which would be one for all, and cpu.shares,
 * for which runc and crun need a controller.
 */
export function makeContainerdBundle(
  directory: string,
  name: string,
  rootfs: string,
  args: readonly string[],
): string {
  const { process, linux, ...rest } = recorded("ctr-default.json");
  const { cgroupsPath: _, resources, ...own } = Object(linux);
  const { seccomp } = Object(recorded("workload.json")["linux"]);
  return writeBundle(directory, name, {
    ...rest,
    root: { path: rootfs },
    process: { ...Object(process), args },
    linux: { ...own, seccomp, resources: { devices: resources.devices } },
  });
}

function recorded(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(RECORDED, name), "utf8"));
}

const CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

/** What `runc spec` writes on a host with cgroup v2, but without a terminal. floor.c does the same by hand. */
function config(rootfs: string, args: readonly string[]) {
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args,
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: rootfs, readonly: true },
    hostname: "bench",
    mounts: MOUNTS,
    linux: {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: ["pid", "network", "ipc", "uts", "mount", "cgroup"].map((type) => ({ type })),
      maskedPaths: [
        ...["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats"],
        ...["/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}

const RESTRICTED = ["nosuid", "noexec", "nodev"];

const MOUNTS = [
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
    options: [...RESTRICTED, "mode=1777", "size=65536k"],
  },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: RESTRICTED },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: [...RESTRICTED, "ro"] },
  {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: [...RESTRICTED, "relatime", "ro"],
  },
];
