/**
 * Families of constants, as the man pages group them, for printing system calls. A family holds the constants that
 * begin with its prefix: a new constant is in its family at once.
 *
 * Loaded only when something is printed.
 */
import { memoryPolicyFlags, memoryPolicyModes } from "../memory-policy.ts";
import { RLIMITS } from "../rlimits.ts";
import { IOPRIO_CLASSES, IOPRIO_WHO_PROCESS, SCHED_FLAGS, SCHED_POLICIES } from "../scheduling.ts";
import { SIGNALS } from "../signals.ts";
import { ASKED } from "./asked.ts";
import * as constants from "./names.ts";

/** Names with their values, the largest first. */
export type Family = readonly (readonly [name: string, value: bigint])[];

type Table = { readonly [name: string]: unknown };

const KNOWN: Table = { ...constants, ...ASKED };

/** The constants of a table whose names match, without those of families that begin with the same letters. */
function family(pattern: RegExp, table: Table = KNOWN): Family {
  return Object.entries(table)
    .flatMap(([name, value]) =>
      typeof value === "number" && pattern.test(name) ? [[name, BigInt(value)] as const] : [],
    )
    .sort(([, a], [, b]) => (a < b ? 1 : a > b ? -1 : 0));
}

/** Prefix by prefix. Where two names would have one value, as AT_EACCESS and AT_REMOVEDIR, there are two families. */
export const FAMILIES = {
  AF: family(/^AF_/),
  AT: family(/^AT_(?!FDCWD|FLAGS|EACCESS|REMOVEDIR)/),
  AT_EACCESS: family(/^AT_EACCESS/),
  AT_REMOVEDIR: family(/^AT_REMOVEDIR/),
  BPF: family(/^BPF_PROG_(LOAD|ATTACH)/),
  BPF_ATTACH_TYPE: family(/^BPF_CGROUP_/),
  BPF_F: family(/^BPF_F_/),
  BPF_PROG_TYPE: family(/^BPF_PROG_TYPE_/),
  CLOCK: family(/^CLOCK_/),
  CLONE: family(/^CLONE_/),
  CLOSE_RANGE: family(/^CLOSE_RANGE_/),
  F: family(/^F_(?!SEAL_)/),
  FD: family(/^FD_/),
  FSCONFIG: family(/^FSCONFIG_/),
  FSMOUNT: family(/^FSMOUNT_/),
  FSOPEN: family(/^FSOPEN_/),
  FSPICK: family(/^FSPICK_/),
  FUTEX: family(/^FUTEX_(?!WAITERS|OWNER_DIED)/),
  FUTEX_STATE: family(/^FUTEX_(WAITERS|OWNER_DIED)/),
  F_SEAL: family(/^F_SEAL_/),
  IFF: family(/^IFF_/),
  IOCTL: family(/^(NS_GET|SIOC|TC|TIOC)|_IOCTL_/),
  IOPRIO_CLASS: family(/^/, IOPRIO_CLASSES),
  IOPRIO_WHO: family(/^/, { IOPRIO_WHO_PROCESS }),
  KEY: family(/^KEY_(?!SPEC_)/),
  KEYCTL: family(/^KEYCTL_/),
  KEY_SPEC: family(/^KEY_SPEC_/),
  LANDLOCK_ACCESS_FS: family(/^LANDLOCK_ACCESS_FS_/),
  LANDLOCK_ACCESS_NET: family(/^LANDLOCK_ACCESS_NET_/),
  LANDLOCK_CREATE_RULESET: family(/^LANDLOCK_CREATE_RULESET_/),
  LANDLOCK_RULE: family(/^LANDLOCK_RULE_/),
  LANDLOCK_SCOPE: family(/^LANDLOCK_SCOPE_/),
  LOCK: family(/^LOCK_/),
  MADV: family(/^MADV_/),
  MAP: family(/^MAP_/),
  MFD: family(/^MFD_/),
  MNT: family(/^(MNT|UMOUNT)_/),
  MOUNT_ATTR: family(/^MOUNT_ATTR_/),
  MOVE_MOUNT: family(/^MOVE_MOUNT_/),
  MPOL: family(/^/, memoryPolicyModes()),
  MPOL_F: family(/^/, memoryPolicyFlags()),
  MS: family(/^MS_/),
  O: family(/^O_(?!RDONLY|WRONLY|RDWR|ACCMODE)/),
  OK: family(/^._OK$/),
  OPEN_TREE: family(/^OPEN_TREE_/),
  NETLINK: family(/^NETLINK_/),
  O_ACCESS: family(/^O_(RDONLY|WRONLY|RDWR)/),
  P: family(/^P_/),
  PER: family(/^PER_/),
  PER_FLAG: family(
    /^(ADDR_|READ_IMPLIES_EXEC|UNAME26|MMAP_PAGE_ZERO|STICKY_TIMEOUTS|WHOLE_SECONDS|SHORT_INODE)/,
  ),
  POLL: family(/^POLL/),
  PR: family(/^PR_(?!CAP_AMBIENT_)/),
  PROT: family(/^PROT_/),
  PR_CAP_AMBIENT: family(/^PR_CAP_AMBIENT_/),
  PTRACE: family(/^PTRACE_/),
  RESOLVE: family(/^RESOLVE_/),
  RLIMIT: family(/^/, RLIMITS),
  SCHED: family(/^/, SCHED_POLICIES),
  SCHED_FLAG: family(/^/, SCHED_FLAGS),
  SECCOMP_FILTER_FLAG: family(/^SECCOMP_FILTER_FLAG_/),
  SECCOMP_SET_MODE: family(/^SECCOMP_SET_MODE_/),
  SEEK: family(/^SEEK_/),
  SIG_HOW: family(/^SIG_SETMASK$/),
  SIG: family(/^SIG(?!IOT|CLD|POLL)/, SIGNALS),
  SOCK: family(/^SOCK_(?!FILTER)/),
  STATX: family(/^STATX_/),
  S_IF: family(/^S_IF(?!MT)/),
  W: family(/^(W(NO|EXITED)|__WALL)/),
} as const satisfies { readonly [name: string]: Family };
