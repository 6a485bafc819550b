/** Delegates a container's cgroup to its root user (config-linux.md, "Cgroup ownership"; cgroups(7), "delegation"). */
import type { Config } from "../../../runtime-spec/config.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, fchownat, SAME_GROUP } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { readTextIfThere } from "../../kernel/files.ts";
import { attempt } from "../../kernel/here.ts";

/** Files that are safe to delegate, for kernels that do not list them. */
const DELEGATED = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"] as const;

/** Whether the container has a cgroup namespace of its own, with its cgroup mounted writable. */
export function wantsDelegation({ mounts, linux }: Config): boolean {
  const own = linux?.namespaces?.some(({ type, path }) => type === "cgroup" && path === undefined) ?? false;
  const mount = mounts?.find(
    ({ destination, source }) => destination === "/sys/fs/cgroup" && source === "cgroup",
  );
  return own && mount !== undefined && !mount.options?.includes("ro");
}

/** Makes a host user the owner of the cgroup, and of the files in it that the kernel lets a user have. @throws SyscallError */
export function delegateCgroup(directory: string, uid: number): void {
  chown(directory, uid);
  const listed = readTextIfThere("/sys/kernel/cgroup/delegate")?.split("\n").filter(Boolean);
  for (const file of listed ?? DELEGATED) chown(`${directory}/${file}`, uid);
}

/** The kernel's list also has files of controllers that are not enabled here. */
function chown(path: string, uid: number): void {
  const call = fchownat(CWD, path, uid, SAME_GROUP, 0);
  const result = attempt(call);
  if (result < 0 && result !== -ERRNO.ENOENT) throw new SyscallError(call, -result);
}
