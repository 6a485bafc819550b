/** What system calls are about, as a timeline colours them. */
import type { Call } from "../../kernel/call.ts";

/** Kinds of system calls, in the order of the legend. */
export const CALL_KINDS = {
  mounts:
    "mount umount2 open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr pivot_root chroot fstatfs",
  processes:
    "clone3 execve exit_group wait4 waitid kill pidfd_open pidfd_send_signal pidfd_getfd setsid setns unshare getpid getppid sethostname setdomainname personality foreground",
  rights:
    "setgroups setresuid setresgid capset prctl keyctl add_key seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self bpf geteuid getegid prlimit64 sched_setattr sched_setaffinity ioprio_set set_mempolicy",
  memory: "mmap munmap madvise memfd_create move compare set_robust_list",
  messages:
    "socket bind connect sendto sendmsg recvfrom recvmsg getsockopt socketpair ioctl futex futex_waitv ppoll pipe2 eventfd2 rt_sigaction rt_sigprocmask rt_sigtimedwait",
  /** Files, and what is not listed. */
  files: "",
} as const;

type CallKind = keyof typeof CALL_KINDS;

const OF_NAME = new Map<string, CallKind>();
for (const [kind, names] of Object.entries(CALL_KINDS))
  for (const name of names.split(" ")) OF_NAME.set(name, kind as CallKind); // a key of the table

export const kindOf = ({ name }: Pick<Call, "name">): CallKind => OF_NAME.get(name) ?? "files";

/** What a span shows: a phase or a property, a program of others, waiting, or a system call of a kind. */
export type Kind = "phase" | "property" | "program" | "wait" | CallKind;
