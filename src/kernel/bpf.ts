/**
 * eBPF instructions and the attributes of bpf(2) (linux/bpf.h), as far as a device program of a cgroup needs them. The
 * buffers that attributes point to lie behind them in the same memory, so that one object keeps all alive.
 */
import type { Call } from "./call.ts";
import {
  BPF_CGROUP_DEVICE,
  BPF_F_ALLOW_MULTI,
  BPF_PROG_ATTACH,
  BPF_PROG_LOAD,
  BPF_PROG_TYPE_CGROUP_DEVICE,
} from "./constants.ts";
import { addressOf } from "./ffi.ts";

/** Operation codes: class | size or source | operation. JMP32 compares the lower halves of registers (Linux 5.1). */
export const BPF_LDX_MEM_W = 0x61;
export const BPF_ALU64_OR_X = 0x4f;
export const BPF_ALU64_AND_K = 0x57;
export const BPF_ALU64_LSH_K = 0x67;
export const BPF_ALU64_RSH_K = 0x77;
export const BPF_ALU64_MOV_K = 0xb7;
export const BPF_ALU64_MOV_X = 0xbf;
export const BPF_JMP_JA = 0x05;
export const BPF_JMP32_JEQ_K = 0x16;
export const BPF_JMP32_JNE_K = 0x56;
export const BPF_JMP_EXIT = 0x95;

/** `struct bpf_cgroup_dev_ctx`, what a device program's r1 points to: access << 16 | type, major, minor. */
export const DEV_CTX_ACCESS_TYPE = 0;
export const DEV_CTX_MAJOR = 4;
export const DEV_CTX_MINOR = 8;
export const BPF_DEVCG_DEV_BLOCK = 1;
export const BPF_DEVCG_ACC_MKNOD = 1;
export const BPF_DEVCG_ACC_READ = 2;
export const BPF_DEVCG_ACC_WRITE = 4;

/** linux/kdev_t.h: a dev_t has 12 bits for the major and 20 for the minor. */
export const DEV_MINOR_BITS = 20;

/** One `struct bpf_insn` without its registers' bit fields. */
export interface Instruction {
  readonly code: number;
  readonly dst?: number;
  readonly src?: number;
  /** Instructions to skip (jumps), or an offset in memory. */
  readonly off?: number;
  readonly imm?: number;
}

const INSTRUCTION_SIZE = 8;
/** How far a jump reaches: `off` has 16 bits with sign. */
export const MOST_INSTRUCTIONS = 32_000;

/** Packs instructions as an array of `struct bpf_insn`. */
export function packInstructions(instructions: readonly Instruction[]): Uint8Array {
  const words = new Int32Array(instructions.length * 2);
  instructions.forEach(({ code, dst = 0, src = 0, off = 0, imm = 0 }, index) => {
    words[index * 2] = code | (dst << 8) | (src << 12) | (off << 16);
    words[index * 2 + 1] = imm;
  });
  return new Uint8Array(words.buffer);
}

/** A bpf(2) call whose attributes are the first `size` bytes of `memory`. */
function bpf(command: number, memory: Uint8Array, size = memory.byteLength): Call {
  return { name: "bpf", args: [command, memory, size] };
}

const LOAD_SIZE = 72;
/** "Apache", padded to a multiple of 8 bytes. */
const LICENSE = Uint8Array.of(0x41, 0x70, 0x61, 0x63, 0x68, 0x65, 0, 0);
/** Program names have 15 characters at most. */
const NAME_SIZE = 16;

/** BPF_PROG_LOAD of a device program: returns its descriptor, close-on-exec. EAGAIN: a signal came, try again. */
export function loadDeviceProgram(instructions: Uint8Array, name: string): Call {
  const { memory, words: attributes } = allocate(LOAD_SIZE + LICENSE.byteLength + instructions.byteLength);
  const address = addressOf(memory);
  attributes[0] = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes[1] = instructions.byteLength / INSTRUCTION_SIZE;
  setAddress(attributes, 2, address + LOAD_SIZE + LICENSE.byteLength);
  setAddress(attributes, 4, address + LOAD_SIZE);
  for (let at = 0; at < name.length && at < NAME_SIZE - 1; at++) memory[48 + at] = name.charCodeAt(at);
  memory.set(LICENSE, LOAD_SIZE);
  memory.set(instructions, LOAD_SIZE + LICENSE.byteLength);
  return bpf(BPF_PROG_LOAD, memory, LOAD_SIZE);
}

/** Memory, a multiple of 4 bytes, whose address stays: asking a small array for its `buffer` later would move it. */
function allocate(size: number): { readonly memory: Uint8Array; readonly words: Uint32Array } {
  const buffer = new ArrayBuffer(size);
  return { memory: new Uint8Array(buffer), words: new Uint32Array(buffer) };
}

/** Writes a 64-bit address as two words. */
function setAddress(words: Uint32Array, index: number, address: number): void {
  words[index] = address >>> 0;
  words[index + 1] = Math.floor(address / 2 ** 32);
}

/** BPF_PROG_ATTACH to a cgroup, beside others. */
export function attachDeviceProgram(cgroup: number, program: number): Call {
  return bpf(BPF_PROG_ATTACH, words(cgroup, program, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI));
}

function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(new Uint32Array(values).buffer);
}
