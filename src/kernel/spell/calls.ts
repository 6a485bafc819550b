/**
 * What the arguments of each system call are, in its order. Arguments beyond those listed are not printed: the size of
 * a structure, or what is 0 wherever tsrun makes the call.
 */
import type { PseudoCall } from "../call.ts";
import { PR_CAP_AMBIENT_CLEAR_ALL } from "../constants.ts";
import type { SyscallName } from "../syscall-numbers.ts";
import { FAMILIES as F, type Family } from "./families.ts";
import {
  address,
  descriptor,
  device,
  fileType,
  flags,
  flagsIn,
  type Kind,
  lastDescriptor,
  mode,
  modeIfMade,
  nameIn,
  number,
  oneOf,
  opened,
  text,
  unlessZero,
  variables,
} from "./kinds.ts";
import {
  attachedProgram,
  bits,
  CAPS,
  capData,
  capHeader,
  cloneArgs,
  filter,
  groups,
  integer,
  interfaceFlags,
  loadedProgram,
  mountAttr,
  netPort,
  openHow,
  pathBeneath,
  rlimit,
  rulesetRights,
  schedAttr,
  timespec,
  windowSize,
} from "./structs.ts";

/** A kind that depends on the call's argument `which`, by its name in `family`; without an entry it is `otherwise`. */
function by(
  which: number,
  family: Family,
  kinds: { readonly [name: string]: Kind },
  otherwise: Kind = unlessZero,
): Kind {
  return (argument, call) => {
    const value = call.args[which];
    const name = typeof value === "number" ? nameIn(BigInt(value), family) : "";
    return (kinds[name] ?? otherwise)(argument, call);
  };
}

type Kinds = { readonly [name in SyscallName]: readonly Kind[] } & {
  readonly [name in PseudoCall]?: readonly Kind[];
};

/** Leaves out what the option does not take. */
const nothing: Kind = () => null;
const signal = oneOf(F.SIG);
const capability = oneOf(CAPS);

/** The arguments of prctl(2)'s options. */
const OPTIONS: { readonly [option: string]: Kind } = {
  PR_SET_PDEATHSIG: (argument, call) => (argument === 0 ? "0" : signal(argument, call)),
  PR_SET_DUMPABLE: number,
  PR_SET_KEEPCAPS: number,
  PR_SET_NAME: text,
  PR_CAPBSET_READ: capability,
  PR_CAPBSET_DROP: capability,
  PR_SET_NO_NEW_PRIVS: number,
  PR_SET_CHILD_SUBREAPER: number,
  PR_SET_PTRACER: number,
  PR_CAP_AMBIENT: oneOf(F.PR_CAP_AMBIENT),
};

/** Which capability to raise; there is none when all are cleared. */
const ambient: Kind = (argument, call) =>
  call.args[1] === PR_CAP_AMBIENT_CLEAR_ALL ? null : capability(argument, call);

const textUnlessZero: Kind = (argument, call) => (argument === 0 ? null : text(argument, call));

/** Requests of ioctl(2) whose argument is more than room for an answer. */
const REQUESTS: { readonly [request: string]: Kind } = {
  SIOCSIFFLAGS: interfaceFlags,
  TIOCGPTPEER: opened,
  TIOCSPTLCK: integer,
  TIOCSWINSZ: windowSize,
};

/** An enumerated type of sockets with flags of open(2). */
const socketType: Kind = (argument, call) => {
  if (typeof argument !== "number") return number(argument, call);
  const [type, more] = [nameIn(BigInt(argument & 15), F.SOCK), flagsIn(BigInt(argument & ~15), F.O)];
  return more === "0" ? type : `${type}|${more.replaceAll(/\bO_/g, "SOCK_")}`;
};

const accessible: Kind = (argument, call) => (argument === 0 ? "F_OK" : flags(F.OK)(argument, call));
const policy: Kind = (argument, call) => {
  if (typeof argument !== "number") return number(argument, call);
  const [kind, more] = [nameIn(BigInt(argument & 0xff), F.MPOL), flagsIn(BigInt(argument & ~0xff), F.MPOL_F)];
  return more === "0" ? kind : `${kind}|${more}`;
};
const priority: Kind = (argument, call) => {
  if (typeof argument !== "number") return number(argument, call);
  return `IOPRIO_PRIO_VALUE(${nameIn(BigInt(argument >> 13), F.IOPRIO_CLASS)}, ${argument & 0x1fff})`;
};

export const KINDS: Kinds = {
  add_key: [text, text, text, number, oneOf(F.KEY_SPEC)],
  bind: [descriptor, text],
  bpf: [oneOf(F.BPF), by(0, F.BPF, { BPF_PROG_LOAD: loadedProgram, BPF_PROG_ATTACH: attachedProgram })],
  capset: [capHeader, capData],
  chdir: [text],
  chroot: [text],
  clock_gettime: [oneOf(F.CLOCK), text],
  clone3: [cloneArgs],
  close: [descriptor],
  close_range: [descriptor, lastDescriptor, flags(F.CLOSE_RANGE)],
  compare: [
    (argument, call) => (call.args[1] === 0 ? text(argument, call) : null),
    (argument, call) => (argument === 0 ? null : `*${address(argument, call)}`),
    (argument, call) => (call.args[1] === 0 ? number : flags(F.FUTEX_STATE))(argument, call),
  ],
  connect: [descriptor, text],
  dup3: [descriptor, descriptor, flags(F.O)],
  eventfd2: [number, flags(F.O)],
  execve: [text, text, variables],
  exit_group: [number],
  faccessat2: [descriptor, text, accessible, flags(F.AT, F.AT_EACCESS)],
  fallocate: [descriptor, number, number, number],
  fchdir: [descriptor],
  fchmod: [descriptor, mode],
  fchmodat: [descriptor, text, mode],
  fchown: [descriptor, number, number],
  fchownat: [descriptor, text, number, number, flags(F.AT)],
  fcntl: [
    descriptor,
    oneOf(F.F),
    by(1, F.F, { F_SETFD: flags(F.FD), F_SETFL: flags(F.O), F_ADD_SEALS: flags(F.F_SEAL) }),
  ],
  flock: [descriptor, flags(F.LOCK)],
  fsconfig: [descriptor, oneOf(F.FSCONFIG), text, text, unlessZero],
  fsmount: [descriptor, flags(F.FSMOUNT), flags(F.MOUNT_ATTR)],
  fsetxattr: [descriptor, text, text, number, number],
  fsopen: [text, flags(F.FSOPEN)],
  fspick: [descriptor, text, flags(F.FSPICK)],
  fstatfs: [descriptor, text],
  ftruncate: [descriptor, number],
  futex: [
    address,
    oneOf(F.FUTEX),
    by(1, F.FUTEX, { FUTEX_WAIT: flags(F.FUTEX_STATE) }),
    by(1, F.FUTEX, { FUTEX_WAIT: timespec }),
    by(1, F.FUTEX, { FUTEX_CMP_REQUEUE: address }),
    by(1, F.FUTEX, { FUTEX_CMP_REQUEUE: flags(F.FUTEX_STATE) }),
  ],
  futex_waitv: [text, number, number, timespec, oneOf(F.CLOCK)],
  getdents64: [descriptor, text, number],
  getegid: [],
  geteuid: [],
  getpid: [],
  getppid: [],
  getsockopt: [descriptor, number, number, text, text],
  ioctl: [descriptor, oneOf(F.IOCTL), by(1, F.IOCTL, REQUESTS, textUnlessZero)],
  ioprio_set: [oneOf(F.IOPRIO_WHO), number, priority],
  keyctl: [oneOf(F.KEYCTL), text, by(0, F.KEYCTL, { KEYCTL_SETPERM: flags(F.KEY) })],
  kill: [number, signal],
  landlock_add_rule: [
    descriptor,
    oneOf(F.LANDLOCK_RULE),
    by(1, F.LANDLOCK_RULE, { LANDLOCK_RULE_PATH_BENEATH: pathBeneath, LANDLOCK_RULE_NET_PORT: netPort }),
    number,
  ],
  landlock_create_ruleset: [rulesetRights, number, flags(F.LANDLOCK_CREATE_RULESET)],
  landlock_restrict_self: [descriptor, number],
  linkat: [descriptor, text, descriptor, text, flags(F.AT)],
  lseek: [descriptor, number, oneOf(F.SEEK)],
  lsetxattr: [text, text, text, number, number],
  madvise: [address, number, oneOf(F.MADV)],
  memfd_create: [text, flags(F.MFD)],
  mkdirat: [descriptor, text, mode],
  mknodat: [descriptor, text, fileType, device],
  mmap: [address, number, flags(F.PROT), flags(F.MAP), descriptor, number],
  mount: [text, text, text, flags(F.MS), text],
  mount_setattr: [descriptor, text, flags(F.AT), mountAttr],
  move_mount: [descriptor, text, descriptor, text, flags(F.MOVE_MOUNT)],
  munmap: [address, number],
  open_tree: [descriptor, text, flags(F.OPEN_TREE, F.AT)],
  openat: [descriptor, text, opened, modeIfMade],
  openat2: [descriptor, text, openHow],
  personality: [oneOf(F.PER)],
  pidfd_getfd: [descriptor, descriptor, number],
  pidfd_open: [number, number],
  pidfd_send_signal: [descriptor, signal, text, number],
  pipe2: [text, flags(F.O)],
  pivot_root: [text, text],
  ppoll: [text, number, timespec],
  prctl: [oneOf(F.PR), by(0, F.PR, OPTIONS, nothing), by(0, F.PR, { PR_CAP_AMBIENT: ambient }, nothing)],
  pread64: [descriptor, text, number, number],
  prlimit64: [number, oneOf(F.RLIMIT), rlimit, rlimit],
  ptrace: [oneOf(F.PTRACE), number, number, textUnlessZero],
  read: [descriptor, text, number],
  readlinkat: [descriptor, text, text, number],
  recvfrom: [descriptor, text, number],
  recvmsg: [descriptor, text],
  renameat2: [descriptor, text, descriptor, text, number],
  rt_sigaction: [signal, text],
  rt_sigprocmask: [oneOf(F.SIG_HOW), text],
  rt_sigtimedwait: [text, text, timespec],
  sched_setaffinity: [number, number, bits],
  sched_setattr: [number, schedAttr, number],
  seccomp: [oneOf(F.SECCOMP_SET_MODE), flags(F.SECCOMP_FILTER_FLAG), filter],
  sendfile: [descriptor, descriptor, text, number],
  sendmsg: [descriptor, text],
  sendto: [descriptor, text, number],
  set_mempolicy: [policy, bits, number],
  set_robust_list: [address, number],
  setdomainname: [text, number],
  setgroups: [number, groups],
  sethostname: [text, number],
  setns: [descriptor, flags(F.CLONE)],
  setresgid: [number, number, number],
  setresuid: [number, number, number],
  setsid: [],
  socket: [oneOf(F.AF), socketType, number],
  socketpair: [oneOf(F.AF), socketType, number, text],
  statx: [descriptor, text, flags(F.AT), flags(F.STATX), text],
  symlinkat: [text, descriptor, text],
  umask: [mode],
  umount2: [text, flags(F.MNT)],
  unlinkat: [descriptor, text, flags(F.AT_REMOVEDIR)],
  unshare: [flags(F.CLONE)],
  utimensat: [descriptor, text, text, flags(F.AT)],
  wait4: [number, text, flags(F.W), text],
  waitid: [oneOf(F.P), number, text, flags(F.W)],
  write: [descriptor, text, number],
};
