import type { SyscallName } from "../kernel/syscall-numbers.ts";
import type { Hints, Step } from "./program.ts";

/** What usually is behind a system call's failure, for the person who wrote the config. */
const hintsByCall = (): { readonly [call in SyscallName]?: Hints } => ({
  capset: { EPERM: "tsrun cannot give capabilities that it lacks itself" },
  clone3: {
    EACCES:
      "an ordinary user enters a cgroup from inside of what was delegated alone: is tsrun called from there?",
    EBUSY: "a cgroup whose controllers are enabled for its children cannot have processes itself",
    EINVAL: "does this kernel have all these namespaces?",
    ENOSPC: "a limit in /proc/sys/user is reached",
    EPERM: "tsrun needs CAP_SYS_ADMIN for namespaces",
    EUSERS: "user namespaces are nested too deeply",
  },
  fsopen: { ENODEV: "this kernel has no file system of that type" },
  fsmount: { EPERM: "a user namespace may mount it only in namespaces of its own" },
  fsconfig: { EPERM: "a user namespace may mount it only in namespaces of its own" },
  mount_setattr: {
    EPERM:
      "a user namespace cannot take away what the host's mount has, such as ro, noexec or noatime: leave out the option that does",
  },
  move_mount: { EINVAL: "is a file to be mounted over a directory, or a directory over a file?" },
  keyctl: {
    EACCES: "a keyring of this name belongs to another user; --no-new-keyring keeps the caller's",
    EDQUOT:
      "the user's keys are used up (/proc/key-users, /proc/sys/kernel/keys/maxkeys); --no-new-keyring keeps the caller's keyring",
    EPERM: "something like a container around tsrun forbids keyrings; --no-new-keyring keeps the caller's",
  },
  mkdirat: { EROFS: "the mount point is missing in a read-only rootfs" },
  mknodat: {
    EPERM: "does tsrun have CAP_MKNOD, and do the device rules of the cgroups above the container allow it?",
    EROFS: "the file to mount over is missing in a read-only rootfs",
  },
  open_tree: { EINVAL: "a user namespace may bind what has other mounts below only with them: by rbind" },
  openat2: {
    ELOOP: "links of proc such as /proc/self/fd are refused, and so is a symlink where a directory must be",
    ENOENT: "does it exist in the container?",
    EXDEV: "it leads out of where it must stay",
  },
  set_mempolicy: {
    EINVAL: "does this machine have these NUMA nodes, and memory on them?",
    ENOSYS: "this kernel has no NUMA",
  },
  setgroups: {
    EPERM: "an ordinary user's container has groups only with a range of gids, mapped by newgidmap",
    EINVAL: "are these groups mapped in the user namespace?",
  },
  setresgid: { EINVAL: "is this gid mapped in the user namespace?" },
  setresuid: {
    EAGAIN: "the user's process limit is reached",
    EINVAL: "is this uid mapped in the user namespace?",
  },
});

/** A hint for the failure of a step; empty when there is none. */
export function hintFor(step: Step, errno: string): string {
  const usual = hintsByCall()[step.call.name as SyscallName]; // undefined for others
  const hints: { readonly [errno: string]: string | undefined } = { ...usual, ...step.hints };
  return hints[errno] ?? "";
}
