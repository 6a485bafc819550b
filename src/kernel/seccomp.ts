/**
 * seccomp(2) and the classic BPF of its filters, with the names of linux/seccomp.h, linux/filter.h,
 * linux/bpf_common.h and linux/audit.h.
 */
import type { Argument, Call } from "./call.ts";
import { ioctl } from "./calls.ts";
import { ARCHITECTURE } from "./syscall-numbers.ts";

export const SECCOMP_SET_MODE_FILTER = 1;

export const SECCOMP_FILTER_FLAG_TSYNC = 0x01;
export const SECCOMP_FILTER_FLAG_LOG = 0x02;
export const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 0x04;
export const SECCOMP_FILTER_FLAG_NEW_LISTENER = 0x08;
export const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 0x20;

/** What a filter returns: an action in the upper half, the action's data in the lower. */
export const SECCOMP_RET_KILL_PROCESS = 0x8000_0000;
export const SECCOMP_RET_KILL_THREAD = 0;
export const SECCOMP_RET_TRAP = 0x0003_0000;
export const SECCOMP_RET_ERRNO = 0x0005_0000;
export const SECCOMP_RET_USER_NOTIF = 0x7fc0_0000;
export const SECCOMP_RET_TRACE = 0x7ff0_0000;
export const SECCOMP_RET_LOG = 0x7ffc_0000;
export const SECCOMP_RET_ALLOW = 0x7fff_0000;
export const SECCOMP_RET_DATA = 0xffff;

/** Offsets in `struct seccomp_data`, what a filter looks at; an argument is a 64-bit word, its lower half first. */
export const SECCOMP_DATA = { nr: 0, arch: 4, args: 16, size: 64 } as const;

/** `struct sock_filter`: code (2 bytes), how far to jump when true and when false (1 each), k (4). */
export const SOCK_FILTER_SIZE = 8;
/** The most instructions that a filter may have. */
export const BPF_MAXINSNS = 4096;

export const BPF_LD_W_ABS = 0x20;
export const BPF_ALU_AND_K = 0x54;
export const BPF_JMP_JA = 0x05;
export const BPF_JMP_JEQ_K = 0x15;
export const BPF_JMP_JGT_K = 0x25;
export const BPF_JMP_JGE_K = 0x35;
export const BPF_JMP_JSET_K = 0x45;
export const BPF_RET_K = 0x06;

/** ELF machine | 64 bits | little-endian: what `seccomp_data.arch` holds. */
export const AUDIT_ARCH_I386 = 0x4000_0003;
export const AUDIT_ARCH_X86_64 = 0xc000_003e;
export const AUDIT_ARCH_ARM = 0x4000_0028;
export const AUDIT_ARCH_AARCH64 = 0xc000_00b7;
export const AUDIT_ARCH_LOONGARCH64 = 0xc000_0102;
export const AUDIT_ARCH_M68K = 0x0000_0004;
export const AUDIT_ARCH_MIPS = 0x0000_0008;
export const AUDIT_ARCH_MIPS64 = 0x8000_0008;
export const AUDIT_ARCH_MIPS64N32 = 0xa000_0008;
export const AUDIT_ARCH_MIPSEL = 0x4000_0008;
export const AUDIT_ARCH_MIPSEL64 = 0xc000_0008;
export const AUDIT_ARCH_MIPSEL64N32 = 0xe000_0008;
export const AUDIT_ARCH_PPC = 0x0000_0014;
export const AUDIT_ARCH_PPC64 = 0x8000_0015;
export const AUDIT_ARCH_PPC64LE = 0xc000_0015;
export const AUDIT_ARCH_S390 = 0x0000_0016;
export const AUDIT_ARCH_S390X = 0x8000_0016;
export const AUDIT_ARCH_SH = 0x0000_002a;
export const AUDIT_ARCH_SHEL = 0x4000_002a;
export const AUDIT_ARCH_PARISC = 0x0000_000f;
export const AUDIT_ARCH_PARISC64 = 0x8000_000f;
export const AUDIT_ARCH_RISCV64 = 0xc000_00f3;

/** The architecture of a system call of this binary. */
export const NATIVE_AUDIT_ARCH = ARCHITECTURE === "arm64" ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64;

/** uretprobe and uprobe, which uprobes of x86-64 call: newer kernels ask no filter about them (kernel/seccomp.c). */
export const UNFILTERED_CALLS: readonly number[] = ARCHITECTURE === "arm64" ? [] : [335, 336];

/** asm/unistd.h: in a call's number with AUDIT_ARCH_X86_64, the mark of the x32 ABI. */
export const X32_SYSCALL_BIT = 0x4000_0000;

/** One instruction of classic BPF; jumps count the instructions to skip. */
export interface FilterInstruction {
  readonly code: number;
  readonly whenTrue?: number;
  readonly whenFalse?: number;
  readonly k: number;
}

/** Packs instructions as an array of `struct sock_filter`. */
export function packFilter(instructions: readonly FilterInstruction[]): Uint8Array {
  const words = new Uint32Array(instructions.length * 2);
  instructions.forEach(({ code, whenTrue = 0, whenFalse = 0, k }, index) => {
    words[index * 2] = code | (whenTrue << 16) | (whenFalse << 24);
    words[index * 2 + 1] = k;
  });
  return new Uint8Array(words.buffer);
}

/** `struct sock_fprog`: a filter of so many instructions, at this address in the process that loads it. */
export function sockFprog(instructions: number, address: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint16(0, instructions, true);
  view.setBigUint64(8, BigInt(address), true);
  return new Uint8Array(view.buffer);
}

/** seccomp(2) with SECCOMP_SET_MODE_FILTER; `program` is a `struct sock_fprog`. */
export function setSeccompFilter(flags: number, program: Argument): Call {
  return { name: "seccomp", args: [SECCOMP_SET_MODE_FILTER, flags, program] };
}

export const SECCOMP_IOCTL_NOTIF_RECV = 0xc050_2100;
export const SECCOMP_IOCTL_NOTIF_SEND = 0xc018_2101;
/** `struct seccomp_notif`: id (8 bytes), pid, flags (4 each), `struct seccomp_data`. */
export const SECCOMP_NOTIF_SIZE = 16 + SECCOMP_DATA.size;

/** Receives a notification from a filter's listener; `notification` has SECCOMP_NOTIF_SIZE bytes, all 0. */
export const receiveNotification = (listener: number, notification: Uint8Array): Call =>
  ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notification);

/** Answers a notification: the call that waits returns `value`. */
export function answerNotification(listener: number, notification: Uint8Array, value: number): Call {
  const response = new DataView(new ArrayBuffer(24));
  const { buffer, byteOffset } = notification;
  response.setBigUint64(0, new DataView(buffer, byteOffset).getBigUint64(0, true), true);
  response.setBigInt64(8, BigInt(value), true);
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, new Uint8Array(response.buffer));
}
