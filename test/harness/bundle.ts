import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatJson } from "../../runtime-spec/json.ts";
import { freshDirectory, project, workDirectory } from "./environment.ts";
import { command } from "./mount.ts";

export type Json = string | number | bigint | boolean | null | readonly Json[] | JsonObject;

/** An object of a config.json; a patch's `undefined` takes a default field away. */
export interface JsonObject {
  readonly [field: string]: Json | undefined;
}

/** A patch over the default config.json; `args` is short for `process.args`. */
export interface Patch extends JsonObject {
  readonly args?: readonly string[];
}

/** The trees that a bundle's rootfs may be: with a shell and its tools, or with /pause and no more. */
export type Rootfs = "busybox" | "pause";

/** A bundle directory: config.json and a rootfs that is this bundle's own. */
export interface Bundle {
  readonly path: string;
  readonly rootfs: string;
  readonly config: JsonObject;
}

/**
 * Makes a bundle: what `spec` writes, without a terminal and with a writable root, and `patch` over it. Objects
 * are merged field by field; a list replaces the default's. It goes with the test file's tmpfs.
 */
export function bundle(patch: Patch = {}, name: Rootfs = "busybox"): Bundle {
  const path = freshDirectory("bundle");
  const rootfs = join(path, "rootfs");
  copyTree("-al", tree(name), rootfs);
  const { args, ...fields } = patch;
  const config = merge(
    merge(defaultConfig, fields),
    args === undefined ? {} : { process: { args: [...args] } },
  );
  writeFileSync(join(path, "config.json"), formatJson(config));
  return { path, rootfs, config };
}

function merge(base: JsonObject, patch: JsonObject): JsonObject {
  const merged: Record<string, Json | undefined> = { ...base };
  for (const [field, value] of Object.entries(patch)) {
    const before = merged[field];
    merged[field] = isObject(before) && isObject(value) ? merge(before, value) : value;
  }
  return merged;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A copy, on the tmpfs, of a tree that rootfs/build.ts makes; the bundles' own are hard links to its files. */
function tree(name: Rootfs): string {
  const copy = join(workDirectory, name);
  if (!existsSync(copy)) copyTree("-a", join(project, "build/rootfs", name), copy);
  return copy;
}

function copyTree(how: "-a" | "-al", from: string, to: string): void {
  command("cp", how, from, to);
}

/** The mounts of the default config.json: those that `spec` writes, without the view of cgroups. */
export const DEFAULT_MOUNTS: readonly JsonObject[] = [
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
  {
    destination: "/dev/mqueue",
    type: "mqueue",
    source: "mqueue",
    options: ["nosuid", "noexec", "nodev"],
  },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
];

/** The five sets, all of `names` in each of them but, unless `ambient`, the inheritable and ambient. */
export function capabilities(names: readonly string[], { ambient = false } = {}): JsonObject {
  const sets = ["bounding", "effective", "permitted", ...(ambient ? ["inheritable", "ambient"] : [])];
  return Object.fromEntries(sets.map((set) => [set, names]));
}

type NamespaceType = "pid" | "network" | "ipc" | "uts" | "mount" | "cgroup" | "user" | "time";

/** The default namespaces, changed: `true` for a new one, a path for one to join, `false` for the caller's. */
export function namespaces(changes: Partial<Record<NamespaceType, boolean | string>> = {}): JsonObject[] {
  const wanted = { pid: true, network: true, ipc: true, uts: true, mount: true, ...changes };
  return Object.entries(wanted)
    .filter(([, how]) => how !== false)
    .map(([type, how]) => (typeof how === "string" ? { type, path: how } : { type }));
}

const defaultConfig: JsonObject = {
  ociVersion: "1.0.2",
  process: {
    terminal: false,
    user: { uid: 0, gid: 0 },
    args: ["true"],
    env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
    cwd: "/",
    capabilities: capabilities(["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]),
    rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
    noNewPrivileges: true,
  },
  root: { path: "rootfs", readonly: false },
  hostname: "box",
  mounts: DEFAULT_MOUNTS,
  linux: {
    resources: { devices: [{ allow: false, access: "rwm" }] },
    namespaces: namespaces(),
    maskedPaths: [
      ...["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats"],
      ...["/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
    ],
    readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
  },
};
