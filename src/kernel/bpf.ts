/**
 * eBPF instructions and the attributes of bpf(2) (linux/bpf.h), as far as a device program of a cgroup needs them. The
 * buffers that attributes point to lie behind them in the same memory, so that one object keeps all alive.
 */
import type { Call } from "./call.ts";
import {
  BPF_CGROUP_DEVICE,
  BPF_F_ALLOW_MULTI,
  BPF_F_QUERY_EFFECTIVE,
  BPF_OBJ_GET_INFO_BY_FD,
  BPF_PROG_ATTACH,
  BPF_PROG_GET_FD_BY_ID,
  BPF_PROG_LOAD,
  BPF_PROG_QUERY,
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

/** Device programs on the way to a cgroup are many more nowhere. */
const MOST_PROGRAMS = 64;
const QUERY_SIZE = 32;

/**
 * BPF_PROG_QUERY of the device programs that decide for a cgroup, those of the cgroups above too. `ids` tells what it
 * has filled in. Needs CAP_NET_ADMIN.
 */
export function queryDevicePrograms(cgroup: number): { readonly call: Call; readonly ids: () => number[] } {
  const { memory, words: attributes } = allocate(QUERY_SIZE + 4 * MOST_PROGRAMS);
  attributes[0] = cgroup;
  attributes[1] = BPF_CGROUP_DEVICE;
  attributes[2] = BPF_F_QUERY_EFFECTIVE;
  setAddress(attributes, 4, addressOf(memory) + QUERY_SIZE);
  attributes[6] = MOST_PROGRAMS;
  const first = QUERY_SIZE / 4;
  const ids = () => [...attributes.subarray(first, first + (attributes[6] ?? 0))];
  return { call: bpf(BPF_PROG_QUERY, memory, QUERY_SIZE), ids };
}

/** BPF_PROG_GET_FD_BY_ID: a descriptor of a program. Needs CAP_SYS_ADMIN. */
export const openProgram = (id: number): Call => bpf(BPF_PROG_GET_FD_BY_ID, words(id, 0, 0));

const INFO_ATTRIBUTES_SIZE = 16;
/** `struct bpf_prog_info`, up to its name. */
const INFO_SIZE = 80;

/** BPF_OBJ_GET_INFO_BY_FD of a program. `instructions` unpacks what it has filled in: those that the verifier left. */
export function programInfo(program: number): {
  readonly call: Call;
  readonly instructions: () => Required<Instruction>[];
} {
  const room = MOST_INSTRUCTIONS * INSTRUCTION_SIZE;
  const start = INFO_ATTRIBUTES_SIZE + INFO_SIZE;
  const { memory, words: attributes } = allocate(start + room);
  attributes[0] = program;
  attributes[1] = INFO_SIZE;
  setAddress(attributes, 2, addressOf(memory) + INFO_ATTRIBUTES_SIZE);
  const info = attributes.subarray(INFO_ATTRIBUTES_SIZE / 4);
  info[5] = room; // xlated_prog_len
  setAddress(info, 8, addressOf(memory) + start); // xlated_prog_insns
  const instructions = () => unpackInstructions(memory.subarray(start, start + Math.min(info[5] ?? 0, room)));
  return { call: bpf(BPF_OBJ_GET_INFO_BY_FD, memory, INFO_ATTRIBUTES_SIZE), instructions };
}

/** Unpacks an array of `struct bpf_insn`. */
export function unpackInstructions(bytes: Uint8Array): Required<Instruction>[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const all: Required<Instruction>[] = [];
  for (let at = 0; at + INSTRUCTION_SIZE <= bytes.byteLength; at += INSTRUCTION_SIZE) {
    const registers = view.getUint8(at + 1);
    all.push({
      code: view.getUint8(at),
      dst: registers & 0xf,
      src: registers >> 4,
      off: view.getInt16(at + 2, true),
      imm: view.getInt32(at + 4, true),
    });
  }
  return all;
}

/** The parts of an operation code (bpf_common.h, bpf.h). */
export const BPF_CLASS = 0x07;
export const BPF_ALU = 0x04;
export const BPF_JMP = 0x05;
export const BPF_JMP32 = 0x06;
export const BPF_ALU64 = 0x07;
export const BPF_OP = 0xf0;
/** The operand is a register. */
export const BPF_X = 0x08;
export const BPF_JA = 0x00;
export const BPF_EXIT = 0x90;
