/** `process`: what runs in the container, as whom and with which limits (config.md, "Process"). */

import { AbsolutePath, Env, Id, Int32, NumberList, Strings, Uint16, Uint64 } from "./defs.ts";
import {
  array,
  boolean,
  foreign,
  type Infer,
  integer,
  object,
  oneOf,
  required,
  string,
  stringThat,
} from "./schema.ts";

/** The terminal's size in characters. */
export const ConsoleSize = object({
  height: required(Uint16),
  width: required(Uint16),
});
export type ConsoleSize = Infer<typeof ConsoleSize>;

export const User = object({
  uid: Id,
  gid: Id,
  umask: integer(0, 0o7777),
  additionalGids: array(Id),
  username: foreign("Windows"),
});
export type User = Infer<typeof User>;

/** The kernel's capabilities in the order of their numbers (linux/capability.h). */
export const CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
];

/** Names like `CAP_NET_ADMIN`; one that is not in CAPABILITIES gets a warning, and is to be left out. */
export const Capabilities = object({
  bounding: Strings,
  permitted: Strings,
  effective: Strings,
  inheritable: Strings,
  ambient: Strings,
});
export type Capabilities = Infer<typeof Capabilities>;

export const RlimitType = oneOf("a resource limit", [
  "RLIMIT_AS",
  "RLIMIT_CORE",
  "RLIMIT_CPU",
  "RLIMIT_DATA",
  "RLIMIT_FSIZE",
  "RLIMIT_LOCKS",
  "RLIMIT_MEMLOCK",
  "RLIMIT_MSGQUEUE",
  "RLIMIT_NICE",
  "RLIMIT_NOFILE",
  "RLIMIT_NPROC",
  "RLIMIT_RSS",
  "RLIMIT_RTPRIO",
  "RLIMIT_RTTIME",
  "RLIMIT_SIGPENDING",
  "RLIMIT_STACK",
]);
export type RlimitType = Infer<typeof RlimitType>;

/** `UINT64_MAX` (see int64.ts) is RLIM_INFINITY. */
export const Rlimit = object({
  type: required(RlimitType),
  soft: required(Uint64),
  hard: required(Uint64),
});
export type Rlimit = Infer<typeof Rlimit>;

export const SchedulerPolicy = oneOf("a scheduling policy", [
  "SCHED_OTHER",
  "SCHED_FIFO",
  "SCHED_RR",
  "SCHED_BATCH",
  "SCHED_ISO",
  "SCHED_IDLE",
  "SCHED_DEADLINE",
]);
export type SchedulerPolicy = Infer<typeof SchedulerPolicy>;

export const SchedulerFlag = oneOf("a scheduler flag", [
  "SCHED_FLAG_RESET_ON_FORK",
  "SCHED_FLAG_RECLAIM",
  "SCHED_FLAG_DL_OVERRUN",
  "SCHED_FLAG_KEEP_POLICY",
  "SCHED_FLAG_KEEP_PARAMS",
  "SCHED_FLAG_UTIL_CLAMP_MIN",
  "SCHED_FLAG_UTIL_CLAMP_MAX",
]);
export type SchedulerFlag = Infer<typeof SchedulerFlag>;

/** See sched_setattr(2). `runtime`, `deadline` and `period` are nanoseconds. */
export const Scheduler = object({
  policy: required(SchedulerPolicy),
  nice: integer(-20, 19),
  priority: Int32,
  flags: array(SchedulerFlag),
  runtime: Uint64,
  deadline: Uint64,
  period: Uint64,
});
export type Scheduler = Infer<typeof Scheduler>;

/** See ioprio_set(2). */
export const IoPriority = object({
  class: required(
    oneOf("an I/O priority class", ["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"]),
  ),
  priority: integer(0, 7),
});
export type IoPriority = Infer<typeof IoPriority>;

/** CPU lists of an `exec`ed process: before and after it is moved into the container's cgroup. */
export const ExecCpuAffinity = object({
  initial: NumberList,
  final: NumberList,
});
export type ExecCpuAffinity = Infer<typeof ExecCpuAffinity>;

export const Process = object({
  terminal: boolean,
  consoleSize: ConsoleSize,
  user: User,
  args: required(array(string, 1)),
  env: Env,
  cwd: required(AbsolutePath),
  capabilities: Capabilities,
  rlimits: array(Rlimit),
  noNewPrivileges: boolean,
  apparmorProfile: string,
  selinuxLabel: string,
  oomScoreAdj: integer(-1000, 1000),
  scheduler: Scheduler,
  ioPriority: IoPriority,
  execCPUAffinity: ExecCpuAffinity,
  /** Windows': a container that ran something else than its config says would be worse than none. */
  commandLine: stringThat(() => "is for Windows: use args instead"),
});
export type Process = Infer<typeof Process>;
