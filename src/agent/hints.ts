import type { SyscallName } from "../kernel/syscall-numbers.ts";
import type { Hints, Step } from "./program.ts";

const MISSING =
  "it is missing, and cannot be made there: the rootfs, or a mount in it, is read-only; name a place that is there, or one on a tmpfs";

/**
 * Causes of a failed system call, told to the person who wrote the config: all that its man page and the kernel know of
 * here, or what they have in common. A hint that points to the wrong place is worse than none.
 */
const hintsByCall = (): { readonly [call in SyscallName]?: Hints } => ({
  capset: { EPERM: "tsrun cannot give capabilities that it lacks itself, as in a container" },
  clone3: {
    EACCES:
      "to put a process into a cgroup, tsrun must be allowed to write cgroup.procs there and in the nearest cgroup above both (cgroups(7), delegation)",
    EAGAIN: "a process limit is reached: pids.max of a cgroup, RLIMIT_NPROC or kernel.pid_max",
    EBUSY: "a cgroup whose controllers are enabled for its children cannot have processes itself",
    EINVAL: "this kernel may lack one of these namespaces: `tsrun check` shows which",
    ENOSPC: "a limit in /proc/sys/user is reached, or 32 namespaces of a kind are nested",
    EPERM:
      "without CAP_SYS_ADMIN this needs a user namespace, which the machine may forbid: kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, a chroot, a seccomp filter",
    EUSERS: "user namespaces are nested too deeply",
  },
  fsopen: { ENODEV: "this kernel has no file system of that type, nor a module for it" },
  fsconfig: {
    EPERM:
      "in a user namespace the kernel allows only some file systems, and proc, sysfs, mqueue and cgroup2 only for namespaces that it owns",
  },
  mount_setattr: {
    EPERM:
      "in a user namespace, flags of the host's mount such as ro, noexec or noatime can't be cleared: leave out the option that does so",
  },
  move_mount: { EINVAL: "a file can be mounted only on a file, and a directory only on a directory" },
  keyctl: {
    EACCES: "a keyring of this name belongs to another user; --no-new-keyring keeps the caller's",
    EDQUOT:
      "the user's keys are used up (/proc/key-users, /proc/sys/kernel/keys/maxkeys); --no-new-keyring keeps the caller's keyring",
    EPERM:
      "keyrings are forbidden here, perhaps by a container around tsrun; --no-new-keyring keeps the caller's",
  },
  mkdirat: { EROFS: MISSING },
  mknodat: {
    EPERM:
      "does tsrun have CAP_MKNOD outside of any user namespace, does the file system there take such files, and do the device rules of the cgroups above the container allow it?",
    EROFS: MISSING,
  },
  open_tree: {
    EINVAL:
      "an unbindable mount can't be bound; in a user namespace, a directory with mounts below it needs rbind",
  },
  openat2: {
    ELOOP:
      "magic links such as /proc/self/fd are refused, and circular links, and a symlink where a directory must be",
    ENOENT: "does it exist in the container?",
    EXDEV: "the path leads out of the directory in which it must stay",
  },
  set_mempolicy: {
    EINVAL:
      "does this machine have these NUMA nodes, and memory on them, does the cgroup's cpuset allow them, and does this kernel know the mode and its flags?",
    ENOSYS: "this kernel has no NUMA, or a seccomp filter around tsrun forbids it",
  },
  setgroups: {
    EPERM:
      "in this user namespace /proc/self/setgroups says deny: its gids must be mapped by root, or by newgidmap",
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
