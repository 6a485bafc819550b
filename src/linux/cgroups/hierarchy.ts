/**
 * Where the host keeps cgroup v2: at /sys/fs/cgroup on a unified host; on a hybrid one at /sys/fs/cgroup/unified,
 * beside cgroup v1 hierarchies that hold some of the controllers (cgroups(7)).
 */
import { CWD, close, fstatfs, openat } from "../../kernel/calls.ts";
import { CGROUP2_SUPER_MAGIC, O_DIRECTORY, O_PATH } from "../../kernel/constants.ts";
import { readText } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { STATFS_SIZE, statfsType } from "../../kernel/structs.ts";
import { fail } from "../../kernel/user-error.ts";

const USUAL_MOUNTS = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] as const;

/** The directory that cgroup v2 is mounted on; undefined when there is none. */
export function findUnifiedMount(): string | undefined {
  return usualMount() ?? unifiedMountIn(readText("/proc/self/mountinfo"));
}

/** The directory that cgroup v2 is mounted on. @throws UserError when there is none */
export function unifiedMount(): string {
  return (
    findUnifiedMount() ??
    fail(
      "linux.cgroupsPath",
      "this host has no cgroup v2 mounted: mount -t cgroup2 none /sys/fs/cgroup/unified",
    )
  );
}

/** A loop: the first use of Array's find() costs 50 µs. */
function usualMount(): string | undefined {
  for (const mount of USUAL_MOUNTS) if (isUnified(mount)) return mount;
  return undefined;
}

/** A place that can't be looked at does not count: then the mount table is read. */
function isUnified(path: string): boolean {
  const fd = attempt(openat(CWD, path, O_PATH | O_DIRECTORY));
  if (fd < 0) return false;
  const bytes = new Uint8Array(STATFS_SIZE);
  const answered = attempt(fstatfs(fd, bytes)) >= 0;
  here(close(fd));
  return answered && statfsType(bytes) === CGROUP2_SUPER_MAGIC;
}

/** The controllers named in a cgroup's `cgroup.controllers` or `cgroup.subtree_control`. @throws SyscallError */
export function controllersIn(
  directory: string,
  file: "cgroup.controllers" | "cgroup.subtree_control" = "cgroup.controllers",
): ReadonlySet<string> {
  return new Set(readText(`${directory}/${file}`).trim().split(" ").filter(Boolean));
}

/** Why cgroup v2 has no such controller, in words that continue "… has no memory controller: ". */
export function whyMissing(controller: string): string {
  const mount = v1MountIn(readText("/proc/self/mountinfo"), controller);
  if (mount !== null) return `it is mounted as cgroup v1 at ${mount}`;
  return "the kernel lacks it, or was booted with it disabled (cgroup_disable=)";
}

/** The mount point of cgroup v2 in a mount table; undefined when it has none. */
export function unifiedMountIn(mountInfo: string): string | undefined {
  return cgroupMounts(mountInfo).find(({ type }) => type === "cgroup2")?.point;
}

/** Where a mount table has a controller as cgroup v1; null when nowhere. */
export function v1MountIn(mountInfo: string, controller: string): string | null {
  const name = controller === "io" ? "blkio" : controller;
  const mounts = cgroupMounts(mountInfo).filter(({ type }) => type === "cgroup");
  return mounts.find(({ options }) => options.includes(name))?.point ?? null;
}

interface CgroupMount {
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** proc_pid_mountinfo(5); the superblock's options name the controllers of cgroup v1. */
function cgroupMounts(mountInfo: string): readonly CgroupMount[] {
  return mountInfo
    .split("\n")
    .filter((line) => line.includes(" - cgroup"))
    .map((line) => {
      const [mount = "", superblock = ""] = line.split(" - ");
      const [type = "", , options = ""] = superblock.split(" ");
      return { point: mount.split(" ")[4] ?? "", type, options: options.split(",") };
    });
}
