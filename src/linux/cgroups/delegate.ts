/** Giving a container's cgroup to the user who runs it (config-linux.md, "Cgroup ownership"; cgroups(7), "delegation"). */
import type { Config } from "../../../runtime-spec/config.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, fchownat } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { readTextIfThere } from "../../kernel/files.ts";
import { attempt } from "../../kernel/here.ts";

/** Files that may be given away safely on kernels that don't say which. */
const DELEGATED = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"] as const;
/** chown(2): leave the group as it is. */
const SAME_GROUP = -1;

/** Whether the container sees its cgroup, in a cgroup namespace of its own, where it may write to it. */
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

/** The kernel's list has files of controllers that may not be enabled here. */
function chown(path: string, uid: number): void {
  const call = fchownat(CWD, path, uid, SAME_GROUP, 0);
  const result = attempt(call);
  if (result < 0 && result !== -ERRNO.ENOENT) throw new SyscallError(call, -result);
}
