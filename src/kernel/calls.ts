/**
 * System calls as data, typed. `here(openat(…))` performs one in this process; `program.add(openat(…))` queues
 * it for an agent. Each function is named after its man page in section 2.
 */
import type { Argument, Call, Fd, Room } from "./call.ts";
import {
  AT_FDCWD,
  CLOCK_MONOTONIC,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_CMD_RECONFIGURE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  FSPICK_CLOEXEC,
  FSPICK_EMPTY_PATH,
  FUTEX_WAIT,
  FUTEX_WAKE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  O_CLOEXEC,
  OPEN_TREE_CLOEXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  SIG_SETMASK,
  STATX_BASIC_STATS,
  STATX_MNT_ID,
} from "./constants.ts";
import {
  mountAttr,
  openHow,
  ROBUST_LIST_HEAD_SIZE,
  SIGACTION_SIZE,
  SIGSET_SIZE,
  timespec,
} from "./structs.ts";
import type { SyscallName } from "./syscall-numbers.ts";

function call(name: SyscallName, ...args: readonly Argument[]): Call {
  return { name, args };
}

// Files. Descriptors are close-on-exec unless the caller says otherwise.
/** As bytes it is a C string, for names that are not UTF-8. */
export type Path = string | Uint8Array;
export const openat = (dir: Fd, path: Path, flags: number, mode = 0) =>
  call("openat", dir, path, flags | O_CLOEXEC, mode);
export const openat2 = (dir: Fd, path: Path, flags: number, resolve: number, mode = 0) =>
  call("openat2", dir, path, openHow(flags | O_CLOEXEC, mode, resolve), 24);
export const close = (fd: Fd) => call("close", fd);
export const closeRange = (first: number, last: number, flags: number) =>
  call("close_range", first, last, flags);
/** close_range(2) of a descriptor and all above it. */
export const closeFrom = (first: number, flags = 0) => closeRange(first, 0xffff_ffff, flags);
export const dup3 = (from: Fd, to: number, flags: number) => call("dup3", from, to, flags);
export const eventfd2 = (initial: number, flags: number) => call("eventfd2", initial, flags);
export const fcntl = (fd: Fd, command: number, argument: number) => call("fcntl", fd, command, argument);
export const flock = (fd: Fd, operation: number) => call("flock", fd, operation);
export const ftruncate = (fd: Fd, length: number) => call("ftruncate", fd, length);
/** Allocates a part of a file, and extends the file if the part ends behind it. */
export const fallocate = (fd: Fd, offset: number, length: number) => call("fallocate", fd, 0, offset, length);
/** `ends` is 8 bytes: the descriptor to read from, the one to write to. */
export const pipe2 = (ends: Uint8Array, flags: number) => call("pipe2", ends, flags);
export const lseek = (fd: Fd, offset: number, whence: number) => call("lseek", fd, offset, whence);
export const read = (fd: Fd, into: Uint8Array | Room) =>
  call("read", fd, into, "room" in into ? into.room : into.byteLength);
export const pread = (fd: Fd, into: Uint8Array, offset: number) =>
  call("pread64", fd, into, into.byteLength, offset);
export const write = (fd: Fd, bytes: Uint8Array) => call("write", fd, bytes, bytes.byteLength);
export const mkdirat = (dir: Fd, path: Path, mode: number) => call("mkdirat", dir, path, mode);
export const mknodat = (dir: Fd, path: Path, mode: number, device: number) =>
  call("mknodat", dir, path, mode, device);
export const symlinkat = (target: Path, dir: Fd, path: Path) => call("symlinkat", target, dir, path);
export const linkat = (fromDir: Fd, from: Path, toDir: Fd, to: Path, flags: number) =>
  call("linkat", fromDir, from, toDir, to, flags);
export const unlinkat = (dir: Fd, path: Path, flags: number) => call("unlinkat", dir, path, flags);
export const renameat2 = (fromDir: Fd, from: string, toDir: Fd, to: string, flags: number) =>
  call("renameat2", fromDir, from, toDir, to, flags);
export const readlinkat = (dir: Fd, path: Path, into: Uint8Array | Room) =>
  call("readlinkat", dir, path, into, "room" in into ? into.room : into.byteLength);
/** What chown(2) takes for a group to leave as it is. */
export const SAME_GROUP = -1;
export const fchownat = (dir: Fd, path: Path, uid: number, gid: number, flags: number) =>
  call("fchownat", dir, path, uid, gid, flags);
export const fchmodat = (dir: Fd, path: Path, mode: number) => call("fchmodat", dir, path, mode);
export const faccessat2 = (dir: Fd, path: string, mode: number, flags: number) =>
  call("faccessat2", dir, path, mode, flags);
export const fchown = (fd: Fd, uid: number, gid: number) => call("fchown", fd, uid, gid);
export const fchmod = (fd: Fd, mode: number) => call("fchmod", fd, mode);
/** `times` is what `fileTimes` makes. */
export const utimensat = (dir: Fd, path: Path, times: Uint8Array, flags: number) =>
  call("utimensat", dir, path, times, flags);
/** futimens(3). */
export const futimens = (fd: Fd, times: Uint8Array) => call("utimensat", fd, 0, times, 0);
/** Sets an extended attribute (xattr(7)) of an open file. */
export const fsetxattr = (fd: Fd, name: string, value: Uint8Array) =>
  call("fsetxattr", fd, name, value, value.byteLength, 0);
/** The same of a file by its path; a symbolic link's own. */
export const lsetxattr = (path: Path, name: string, value: Uint8Array) =>
  call("lsetxattr", path, name, value, value.byteLength, 0);
/** Copies up to `count` bytes, from where `from` stands; the kernel takes 2147479552 at most. */
export const sendfile = (to: Fd, from: Fd, count: number) => call("sendfile", to, from, 0, count);
/** `into` has STATX_SIZE bytes. */
export const statx = (dir: Fd, path: Path, flags: number, into: Uint8Array | Room) =>
  call("statx", dir, path, flags, STATX_BASIC_STATS | STATX_MNT_ID, into);
/** `into` has STATFS_SIZE bytes. */
export const fstatfs = (fd: Fd, into: Uint8Array | Room) => call("fstatfs", fd, into);
export const getdents64 = (fd: Fd, into: Uint8Array | Room) =>
  call("getdents64", fd, into, "room" in into ? into.room : into.byteLength);
export const ioctl = (fd: Fd, request: number, argument: Argument = 0) =>
  call("ioctl", fd, request, argument);
export const memfdCreate = (name: string, flags: number) => call("memfd_create", name, flags);
export const chdir = (path: string) => call("chdir", path);
export const fchdir = (fd: Fd) => call("fchdir", fd);
export const chroot = (path: string) => call("chroot", path);
export const umask = (mask: number) => call("umask", mask);

// Memory.
/** Maps a file from its beginning, for reading and writing. */
export const mmapShared = (fd: Fd, length: number) =>
  call("mmap", 0, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
/** The same in place of what is mapped at an address. */
export const mmapSharedAt = (address: number, fd: Fd, length: number) =>
  call("mmap", address, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
/** Takes away what is mapped at an address, and keeps the address space. */
export const mmapNothing = (address: number, length: number) =>
  call("mmap", address, length, PROT_NONE, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
export const munmap = (address: number, length: number) => call("munmap", address, length);
export const madvise = (address: number, length: number, advice: number) =>
  call("madvise", address, length, advice);

// Mounts.
export const mount = (source: string, target: string, type: string, flags: number) =>
  call("mount", source, target, type, flags, 0);
/** mount(2) of a new file system, with options of its own. */
export const mountWithData = (source: string, target: string, type: string, data: string) =>
  call("mount", source, target, type, 0, data);
export const umount2 = (path: string, flags: number) => call("umount2", path, flags);
export const pivotRoot = (newRoot: string, putOld: string) => call("pivot_root", newRoot, putOld);
export const openTree = (dir: Fd, path: string, flags: number) =>
  call("open_tree", dir, path, flags | OPEN_TREE_CLOEXEC);
/** Attaches the mount that `from` refers to on the directory or file that `to` refers to. */
export const moveMount = (from: Fd, to: Fd) =>
  call("move_mount", from, "", to, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
export const fsopen = (type: string) => call("fsopen", type, FSOPEN_CLOEXEC);
export const fsconfigString = (fs: Fd, key: string, value: string) =>
  call("fsconfig", fs, FSCONFIG_SET_STRING, key, value, 0);
export const fsconfigFlag = (fs: Fd, key: string) => call("fsconfig", fs, FSCONFIG_SET_FLAG, key, 0, 0);
export const fsconfigCreate = (fs: Fd) => call("fsconfig", fs, FSCONFIG_CMD_CREATE, 0, 0, 0);
/** Changes the file system of a context that fspick(2) gave. */
export const fsconfigReconfigure = (fs: Fd) => call("fsconfig", fs, FSCONFIG_CMD_RECONFIGURE, 0, 0, 0);
export const fspick = (mount: Fd) => call("fspick", mount, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
export const fsmount = (fs: Fd, attributes: number) => call("fsmount", fs, FSMOUNT_CLOEXEC, attributes);
export const mountSetattr = (
  dir: Fd,
  path: string,
  flags: number,
  attributes: {
    readonly set?: number;
    readonly clear?: number;
    readonly propagation?: number;
    /** A user namespace, for MOUNT_ATTR_IDMAP. */
    readonly userns?: number;
  },
) => {
  const { set = 0, clear = 0, propagation = 0, userns = 0 } = attributes;
  const packed = mountAttr(set, clear, propagation, userns);
  return call("mount_setattr", dir, path, flags, packed, packed.byteLength);
};

// Namespaces and processes.
/** The kernel reads one bit less of the mask than it is told. */
export const setMempolicy = (mode: number, mask: Uint8Array) =>
  call("set_mempolicy", mode, mask, mask.byteLength * 8 + 1);
export const setns = (fd: Fd, type: number) => call("setns", fd, type);
export const unshare = (flags: number) => call("unshare", flags);
/** `args` is a `struct clone_args`. Only an agent can make this call; see Program.clone. */
export const clone3 = (args: Uint8Array) => call("clone3", args, args.byteLength);
/** In an agent, with `argv` and `envp` laid out beside the path. */
export const execve = (path: string, argv: readonly string[], envp: readonly string[]) =>
  call("execve", path, { texts: argv }, { texts: envp });
export const exitGroup = (status: number) => call("exit_group", status);
export const setsid = () => call("setsid");
export const prctl = (option: number, a: Argument = 0, b = 0, c = 0, d = 0) =>
  call("prctl", option, a, b, c, d);
export const prlimit64 = (pid: number, resource: number, limits: Uint8Array) =>
  call("prlimit64", pid, resource, limits, 0);
/** prlimit(2) that asks; `into` has RLIMIT_SIZE bytes. */
export const rlimitOf = (pid: number, resource: number, into: Uint8Array) =>
  call("prlimit64", pid, resource, 0, into);
/** prlimit(2) of the process that calls it; `into` has RLIMIT_SIZE bytes. */
export const getrlimit = (resource: number, into: Uint8Array | Room) =>
  call("prlimit64", 0, resource, 0, into);
export const ptrace = (request: number, pid: number, address: number, data: Argument) =>
  call("ptrace", request, pid, address, data);
export const pidfdOpen = (pid: number) => call("pidfd_open", pid, 0);
export const pidfdSendSignal = (pidfd: number, signal: number) =>
  call("pidfd_send_signal", pidfd, signal, 0, 0);
export const pidfdGetfd = (pidfd: Fd, fd: number) => call("pidfd_getfd", pidfd, fd, 0);
export const kill = (pid: number, signal: number) => call("kill", pid, signal);
/** `info` is a `siginfo_t` of SIGINFO_SIZE bytes. */
export const waitid = (kind: number, id: number, info: Uint8Array, options: number) =>
  call("waitid", kind, id, info, options, 0);
/** `status` is 4 bytes; the child's resource usage is not asked for. */
/** A step of an agent in a served caller: waits for its child, which gets the signals of a sigset_t, and may exit as that did; see client.c. */
export const foreground = (pid: number, signals: bigint, exits: boolean): Call => ({
  name: "foreground",
  args: [pid, signals, exits ? 1 : 0],
});
export const wait4 = (pid: number, status: Uint8Array | Room, options: number) =>
  call("wait4", pid, status, options, 0);
/** Waits at most this many milliseconds. Each call has its own timespec, as the kernel writes the time left to it. */
export const ppoll = (fds: Uint8Array, milliseconds: number) =>
  call("ppoll", fds, fds.byteLength / 8, timespec(milliseconds), 0, 0);
/** Gives a signal its default action. */
export const rtSigaction = (signal: number) =>
  call("rt_sigaction", signal, new Uint8Array(SIGACTION_SIZE), 0, SIGSET_SIZE);
/** Sets which signals are blocked: a sigset_t of 8 bytes. */
export const rtSigprocmask = (blocked: Uint8Array) =>
  call("rt_sigprocmask", SIG_SETMASK, blocked, 0, SIGSET_SIZE);
/** Takes a pending signal of `set`, a sigset_t of 8 bytes; fails with EAGAIN when none is pending. */
export const rtSigtimedwait = (set: Uint8Array) =>
  call("rt_sigtimedwait", set, 0, timespec(0), set.byteLength);
/** Shared futexes: `address` is a mapped word. `timeout` is a timespec. */
export const futexWait = (address: number, value: number, timeout: Uint8Array) =>
  call("futex", address, FUTEX_WAIT, value, timeout, 0, 0);
/** Waits for one of several futexes, in an array of `struct futex_waitv`, until a time of CLOCK_MONOTONIC. */
export const futexWaitv = (waiters: Uint8Array, until: Uint8Array) =>
  call("futex_waitv", waiters, waiters.byteLength / 24, 0, until, CLOCK_MONOTONIC);
export const futexWake = (address: number) => call("futex", address, FUTEX_WAKE, 1, 0, 0, 0);
/** `address` is that of a `struct robust_list_head` (ROBUST_LIST_HEAD_SIZE bytes), which must stay mapped. */
export const setRobustList = (address: number) => call("set_robust_list", address, ROBUST_LIST_HEAD_SIZE);
/** `into` has TIMESPEC_SIZE bytes. */
export const clockGettime = (clock: number, into: Uint8Array | Room) => call("clock_gettime", clock, into);
export const getppid = () => call("getppid");
export const getpid = () => call("getpid");
export const geteuid = () => call("geteuid");
export const getegid = () => call("getegid");

// Identity and privileges.
export const setgroups = (gids: Uint8Array) => call("setgroups", gids.byteLength / 4, gids);
export const setresgid = (gid: number) => call("setresgid", gid, gid, gid);
export const setresuid = (uid: number) => call("setresuid", uid, uid, uid);
export const capset = (header: Uint8Array, data: Uint8Array) => call("capset", header, data);
export const keyctl = (operation: number, key: Argument, argument: Argument = 0) =>
  call("keyctl", operation, key, argument);
export const addKey = (type: string, description: string, payload: Uint8Array, keyring: number) =>
  call("add_key", type, description, payload, payload.byteLength, keyring);
export const sethostname = (name: string) =>
  call("sethostname", name, new TextEncoder().encode(name).byteLength);
export const setdomainname = (name: string) =>
  call("setdomainname", name, new TextEncoder().encode(name).byteLength);
export const personality = (domain: number) => call("personality", domain);

// Sockets.
export const socket = (family: number, type: number) => call("socket", family, type | O_CLOEXEC, 0);
export const bind = (fd: Fd, address: Uint8Array) => call("bind", fd, address, address.byteLength);
export const connect = (fd: Fd, address: Uint8Array) => call("connect", fd, address, address.byteLength);
export const sendto = (fd: Fd, bytes: Uint8Array, flags: number) =>
  call("sendto", fd, bytes, bytes.byteLength, flags, 0, 0);
export const recvfrom = (fd: Fd, into: Uint8Array, flags: number) =>
  call("recvfrom", fd, into, into.byteLength, flags, 0, 0);
/** `ends` is 8 bytes: the two descriptors. */
export const socketpair = (family: number, type: number, ends: Uint8Array) =>
  call("socketpair", family, type | O_CLOEXEC, 0, ends);
export const recvmsg = (fd: Fd, message: Uint8Array, flags: number) => call("recvmsg", fd, message, flags);
/** `length` is 4 bytes: how much room `value` has. */
export const getsockopt = (fd: Fd, level: number, option: number, value: Uint8Array, length: Uint8Array) =>
  call("getsockopt", fd, level, option, value, length);
export const sendmsg = (fd: Fd, message: Uint8Array, flags: number) => call("sendmsg", fd, message, flags);

/** Relative to the current directory. */
export const CWD = AT_FDCWD;
