/** Other calls that do what a call does: where one is denied and another is not, little is won. */

/** Calls that do the same, or can be used for it. */
const SAME: readonly (readonly string[])[] = [
  ["clone", "clone3"],
  ["execve", "execveat"],
  ["open", "openat", "openat2", "creat"],
  ["mkdir", "mkdirat"],
  ["mknod", "mknodat"],
  ["chmod", "fchmod", "fchmodat", "fchmodat2"],
  ["chown", "lchown", "fchown", "fchownat"],
  ["unlink", "unlinkat"],
  ["rename", "renameat", "renameat2"],
  ["symlink", "symlinkat"],
  ["link", "linkat"],
  ["mount", "move_mount"],
  ["umount", "umount2"],
  ["chroot", "pivot_root"],
  ["init_module", "finit_module"],
  ["kexec_load", "kexec_file_load"],
  ["settimeofday", "clock_settime", "clock_settime64", "stime", "adjtimex", "clock_adjtime"],
  ["ptrace", "process_vm_readv", "process_vm_writev"],
  ["kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"],
];

/** What io_uring_enter(2) does as well, where no filter sees it. */
const BY_URING = [
  ...["socket", "connect", "accept", "accept4", "bind", "listen", "shutdown", "send", "sendto", "sendmsg"],
  ...[
    "recv",
    "recvfrom",
    "recvmsg",
    "setsockopt",
    "getsockopt",
    "open",
    "openat",
    "openat2",
    "creat",
    "unlink",
  ],
  ...[
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "symlink",
    "symlinkat",
    "link",
    "linkat",
  ],
  ...["statx", "fallocate", "ftruncate", "splice", "tee", "setxattr", "fsetxattr", "getxattr", "fgetxattr"],
  ...["fsync", "sync_file_range", "fadvise64", "madvise", "epoll_ctl", "waitid", "futex", "close"],
];

/** Calls with the first argument of another: a namespace is made by either. */
const WITH_FLAGS: { readonly [call: string]: string } = { clone: "unshare", unshare: "clone" };
/** Flags of clone(2) that make namespaces. */
const NAMESPACES = 0x7e02_0080n;

interface WayRound {
  readonly call: string;
  readonly args: readonly (bigint | null)[];
  readonly why: string;
}

/** What else to ask where a call with these arguments is denied. */
export function waysRound(call: string, args: readonly (bigint | null)[]): readonly WayRound[] {
  const [first] = args;
  const makesNamespace = typeof first === "bigint" && (first & NAMESPACES) !== 0n && call in WITH_FLAGS;
  if (makesNamespace)
    return [
      { call: WITH_FLAGS[call] ?? call, args: [first], why: "which does the same" },
      { call: "clone3", args: [], why: "whose flags are in memory, where no filter sees them" },
    ];
  const others = SAME.filter((group) => group.includes(call)).flat();
  return [
    ...others
      .filter((one) => one !== call)
      .map((one) => ({ call: one, args: [], why: "which can do the same" })),
    ...(BY_URING.includes(call)
      ? [{ call: "io_uring_setup", args: [], why: "which does the same, where no filter sees it" }]
      : []),
  ];
}
