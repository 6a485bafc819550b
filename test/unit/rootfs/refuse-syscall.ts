/**
 * Runs a program for which one system call fails: `bun refuse-syscall.ts CALL ARGUMENT PROGRAM`. The call gives
 * EINVAL when its first argument is ARGUMENT, or whatever that is when ARGUMENT is `any`.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";

const x64 = process.arch === "x64";
const NUMBERS: Readonly<Record<string, number>> = { rt_sigaction: x64 ? 13 : 134, ppoll: x64 ? 271 : 73 };

/** Offsets into struct seccomp_data (linux/seccomp.h). */
const NUMBER = 0;
const FIRST_ARGUMENT = 16; // its lower half

const PR_SET_NO_NEW_PRIVS = 38;
const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2;
const SECCOMP_RET_ALLOW = 0x7fff0000;
const SECCOMP_RET_ERRNO = 0x00050000;
const EINVAL = 22;

/** One struct sock_filter: code, jump if true, jump if false, k. */
type Instruction = readonly [code: number, jt: number, jf: number, k: number];
const load = (offset: number): Instruction => [0x20, 0, 0, offset]; // BPF_LD | BPF_W | BPF_ABS
const unlessEqual = (value: number, skip: number): Instruction => [0x15, 0, skip, value]; // BPF_JMP | BPF_JEQ | BPF_K
const giveBack = (action: number): Instruction => [0x06, 0, 0, action]; // BPF_RET | BPF_K

const [call = "", argument = "", program = ""] = process.argv.slice(2);
const filter = [
  load(NUMBER),
  unlessEqual(NUMBERS[call] ?? -1, argument === "any" ? 1 : 3),
  ...(argument === "any" ? [] : [load(FIRST_ARGUMENT), unlessEqual(Number(argument), 1)]),
  giveBack(SECCOMP_RET_ERRNO | EINVAL),
  giveBack(SECCOMP_RET_ALLOW),
];

const { prctl, execv } = dlopen("libc.so.6", {
  prctl: { args: [FFIType.i32, FFIType.u64, FFIType.u64, FFIType.u64, FFIType.u64], returns: FFIType.i32 },
  execv: { args: [FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
}).symbols;

const instructions = new DataView(new ArrayBuffer(filter.length * 8));
for (const [index, [code, jt, jf, k]] of filter.entries()) {
  instructions.setUint16(index * 8, code, true);
  instructions.setUint8(index * 8 + 2, jt);
  instructions.setUint8(index * 8 + 3, jf);
  instructions.setUint32(index * 8 + 4, k, true);
}
const filterProgram = new BigUint64Array([BigInt(filter.length), BigInt(ptr(instructions.buffer))]);
const path = new TextEncoder().encode(`${program}\0`);
const argv = new BigUint64Array([BigInt(ptr(path)), 0n]);

if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) !== 0) throw new Error("prctl refuses PR_SET_NO_NEW_PRIVS");
if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ptr(filterProgram), 0, 0) !== 0) {
  throw new Error("prctl refuses the seccomp filter");
}
execv(ptr(path), ptr(argv));
throw new Error(`${program} cannot be executed`);
