/** Kernel structures, packed as both architectures (64-bit, little-endian) lay them out. */

import { STATX_ATTR_MOUNT_ROOT } from "./constants.ts";

// Plain loops: the typed arrays' `from` and `set` cost 150 µs at their first use in a process.
function words32(...values: readonly number[]): Uint8Array {
  const words = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) words[i] = values[i] ?? 0;
  return new Uint8Array(words.buffer);
}

function words64(...values: readonly (number | bigint)[]): Uint8Array {
  const buffer = new ArrayBuffer(values.length * 8);
  const words = new Uint32Array(buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (typeof value === "bigint") {
      words[i * 2] = Number(value & 0xffff_ffffn);
      words[i * 2 + 1] = Number(value >> 32n);
    } else {
      words[i * 2] = value >>> 0;
      words[i * 2 + 1] = value >>> 0 === value ? 0 : Math.floor(value / 2 ** 32);
    }
  }
  return new Uint8Array(buffer);
}

/** The last one: most ask for the same. */
let how = { flags: 0, mode: 0, resolve: 0, bytes: words64(0, 0, 0) };

/** `struct open_how` of openat2(2), which only reads it. */
export function openHow(flags: number, mode: number, resolve: number): Uint8Array {
  if (how.flags !== flags || how.mode !== mode || how.resolve !== resolve)
    how = { flags, mode, resolve, bytes: words64(flags, mode, resolve) };
  return how.bytes;
}

/** `struct mount_attr` of mount_setattr(2); `usernsFd` counts with MOUNT_ATTR_IDMAP only. */
export const mountAttr = (set: number, clear: number, propagation: number, usernsFd = 0) =>
  words64(set, clear, propagation, usernsFd);

/**
 * `struct clone_args` of clone3(2). `exitSignal` must be 0 with CLONE_PARENT.
 * `cgroupFd` counts with CLONE_INTO_CGROUP only.
 */
export function cloneArgs(flags: number, exitSignal: number, cgroupFd: number): Uint8Array {
  return words64(flags, 0, 0, 0, exitSignal, 0, 0, 0, 0, 0, cgroupFd);
}

/** `struct timespec` (also `__kernel_timespec`) from milliseconds. */
export function timespec(milliseconds: number): Uint8Array {
  const seconds = Math.floor(milliseconds / 1000);
  return words64(seconds, Math.round((milliseconds - seconds * 1000) * 1_000_000));
}

/** The milliseconds of a `struct timespec`. */
export function millisecondsOf(time: Uint8Array): number {
  const [seconds = 0n, nanoseconds = 0n] = new BigInt64Array(time.buffer, time.byteOffset, 2);
  return Number(seconds) * 1000 + Number(nanoseconds) / 1e6;
}

export const TIMESPEC_SIZE = 16;
/** `struct robust_list_head`. */
export const ROBUST_LIST_HEAD_SIZE = 24;

/** The whole seconds of a filled `struct timespec`. */
export function timespecSeconds(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true));
}

/** `struct rlimit64` of prlimit64(2): soft, then hard; 2^64-1 is RLIM_INFINITY. */
export function rlimit64(soft: number | bigint, hard: number | bigint): Uint8Array {
  return words64(soft, hard);
}

export const RLIMIT_SIZE = 16;

/** The soft limit of a filled `struct rlimit64`. */
export function softLimit(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
}

/** The hard limit of a filled `struct rlimit64`. */
export function hardLimit(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(8, true);
}

/** `struct __user_cap_header_struct` for the calling thread, version 3 (capset(2)). */
export const capHeader = (version: number) => words32(version, 0);

/** A set of capabilities: bits 0 to 31, and 32 to 63. */
export type CapabilitySet = readonly [low: number, high: number];

/** The two `struct __user_cap_data_struct` of capset(2). */
export function capData(
  effective: CapabilitySet,
  permitted: CapabilitySet,
  inheritable: CapabilitySet,
): Uint8Array {
  return words32(effective[0], permitted[0], inheritable[0], effective[1], permitted[1], inheritable[1]);
}

/** A `gid_t` array for setgroups(2). */
export const gidList = (gids: readonly number[]) => words32(...gids);

/** `struct ifreq` with a name and flags, for SIOCSIFFLAGS (netdevice(7)). */
export function ifreqFlags(name: string, flags: number): Uint8Array {
  const bytes = new Uint8Array(40);
  new TextEncoder().encodeInto(name, bytes.subarray(0, 15));
  new DataView(bytes.buffer).setInt16(16, flags, true);
  return bytes;
}

/** `struct pollfd` of ppoll(2), waiting for `events`. */
export function pollFd(fd: number, events: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, events, true);
  return bytes;
}

export type DeviceNumber = readonly [major: number, minor: number];

/** What statx(2) tells, as far as it is used here. */
export interface FileStatus {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly inode: number;
  /** The number of the mount that it is on, as in proc_pid_mountinfo(5). */
  readonly mount: number;
  readonly size: number;
  readonly deviceType: DeviceNumber;
  readonly device: DeviceNumber;
  /** Whether it is the root of that mount (Linux 5.8). */
  readonly isMountRoot: boolean;
}

export const STATX_SIZE = 256;

/** Reads a filled `struct statx`. */
export function readStatx(bytes: Uint8Array): FileStatus {
  // Quicker than a DataView as long as nothing is compiled.
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
  const long = (at: number) => (words[at] ?? 0) + (words[at + 1] ?? 0) * 2 ** 32;
  return {
    uid: words[5] ?? 0,
    gid: words[6] ?? 0,
    mode: (words[7] ?? 0) & 0xffff,
    inode: long(8),
    size: long(10),
    deviceType: [words[32] ?? 0, words[33] ?? 0],
    device: [words[34] ?? 0, words[35] ?? 0],
    mount: long(36),
    isMountRoot: ((words[2] ?? 0) & STATX_ATTR_MOUNT_ROOT) !== 0,
  };
}

/** When the file's content was changed, from a filled `struct statx`: `struct timespec`, as utimensat(2) takes it. */
export function modificationTime(bytes: Uint8Array): Uint8Array {
  const time = new Uint8Array(16); // tv_sec; tv_nsec, of which statx has 32 bits
  time.set(bytes.subarray(112, 124));
  return time;
}

/** The two times of utimensat(2): of the last access, which is now (UTIME_NOW), and of the last change. */
export function fileTimes(modified: Uint8Array): Uint8Array {
  const times = new Uint8Array(32);
  new DataView(times.buffer).setUint32(8, 0x3fff_ffff, true);
  times.set(modified, 16);
  return times;
}

/** A time of a file, since 1970; before it the seconds are negative. */
export interface FileTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** The two times of utimensat(2). */
export const bothTimes = (accessed: FileTime, modified: FileTime) =>
  words64(accessed.seconds, accessed.nanoseconds, modified.seconds, modified.nanoseconds);

/** `f_type` of a filled `struct statfs` (120 bytes on both architectures). */
export function statfsType(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

export const STATFS_SIZE = 120;

/**
 * libc's `posix_spawnattr_t`: where the flags and the set of signals to reset are, and the flags that give all
 * signals of that set their default action and block none (POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK).
 * glibc and musl agree on these offsets.
 */
export const SPAWN_ATTRIBUTES = { flags: 0, defaults: 8, size: 336, resetSignals: 0x04 | 0x08 } as const;

/** A `dev_t` as mknod(2) takes it (new_encode_dev). */
export function makeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** The major and minor number in a `dev_t`. */
export function deviceNumber(device: number): readonly [major: number, minor: number] {
  return [(device >> 8) & 0xfff, (device & 0xff) | ((device >>> 12) & ~0xff)];
}

/** The kernel's `struct sigaction` and `sigset_t`. */
export const SIGACTION_SIZE = 32;
export const SIGSET_SIZE = 8;

/** The kernel's `sigset_t` with these signals. */
export function signalSet(signals: readonly number[]): Uint8Array {
  const set = new DataView(new ArrayBuffer(8));
  for (const signal of signals) {
    const byte = (signal - 1) >> 3;
    set.setUint8(byte, set.getUint8(byte) | (1 << ((signal - 1) & 7)));
  }
  return new Uint8Array(set.buffer);
}

export const SIGINFO_SIZE = 128;

/** `si_pid` of a `siginfo_t` that waitid(2) has filled: which child ended; 0 when none has. */
export function endedChild(info: Uint8Array): number {
  return new DataView(info.buffer, info.byteOffset, info.byteLength).getInt32(16, true);
}

/** `si_status` of the same: the exit status, or the number of the signal that ended the child. */
export function endedStatus(info: Uint8Array): number {
  return new DataView(info.buffer, info.byteOffset, info.byteLength).getInt32(24, true);
}

/** How a child ended, from its status as wait4(2) gives it: with an exit status, or by a signal; 0 for none. */
export function waitStatus(status: number): { readonly signal: number; readonly exit: number } {
  return { signal: status & 0x7f, exit: (status >> 8) & 0xff };
}
