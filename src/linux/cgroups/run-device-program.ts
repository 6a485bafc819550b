/**
 * Runs device programs of cgroups as the kernel would, to tell what they allow: those of tsrun, runc, crun and systemd,
 * which compare numbers and have neither maps nor calls.
 */
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_CLASS,
  BPF_DEVCG_ACC_MKNOD,
  BPF_DEVCG_ACC_READ,
  BPF_DEVCG_ACC_WRITE,
  BPF_DEVCG_DEV_BLOCK,
  BPF_EXIT,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_LDX_MEM_W,
  BPF_OP,
  BPF_X,
  type Instruction,
} from "../../kernel/bpf.ts";
import { NO_ACCESS } from "./device-access.ts";

export type DeviceProgram = readonly Required<Instruction>[];

/** linux/bpf.h: of character devices. */
const BPF_DEVCG_DEV_CHAR = 2;

/** A program ends after fewer steps, if it has no loops. */
const MOST_STEPS = 65_536;

/** Where a program's context is, for programs that copy the pointer. */
const CONTEXT = 1n << 40n;

type Operation = (one: bigint, other: bigint) => bigint;

const OPERATIONS: { readonly [operation: number]: Operation } = {
  0: (one, other) => one + other,
  16: (one, other) => one - other,
  64: (one, other) => one | other,
  80: (one, other) => one & other,
  96: (one, other) => one << (other & 63n),
  112: (one, other) => one >> (other & 63n),
  160: (one, other) => one ^ other,
  176: (_, other) => other,
};

const CONDITIONS: { readonly [operation: number]: (one: bigint, other: bigint) => boolean } = {
  16: (one, other) => one === other,
  32: (one, other) => one > other,
  48: (one, other) => one >= other,
  64: (one, other) => (one & other) !== 0n,
  80: (one, other) => one !== other,
  160: (one, other) => one < other,
  176: (one, other) => one <= other,
};

/** The accesses that programs grant a device together, as the kernel's bits; null when one of them can't be run. */
export function grantedBy(
  programs: readonly DeviceProgram[],
  type: "b" | "c",
  major: number,
  minor: number,
): number | null {
  let granted = NO_ACCESS;
  for (const access of [BPF_DEVCG_ACC_READ, BPF_DEVCG_ACC_WRITE, BPF_DEVCG_ACC_MKNOD]) {
    const kind = type === "b" ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
    const context = [(access << 16) | kind, major, minor];
    const results = programs.map((program) => run(program, context));
    if (results.includes(null)) return null;
    if (results.every((result) => result !== 0n)) granted |= access;
  }
  return granted;
}

/** What a program returns; null when it does something that is not known here. */
function run(program: DeviceProgram, context: readonly number[]): bigint | null {
  const registers: bigint[] = [0n, CONTEXT];
  const value = (register: number) => registers[register] ?? 0n;
  for (let at = 0, steps = 0; steps < MOST_STEPS; at++, steps++) {
    const instruction = program[at];
    if (instruction === undefined) return null;
    const { code, dst, src, off, imm } = instruction;
    const kind = code & BPF_CLASS;
    const bits = kind === BPF_ALU || kind === BPF_JMP32 ? 32 : 64;
    const operand = BigInt.asUintN(bits, (code & BPF_X) !== 0 ? value(src) : BigInt(imm));
    const [operation, before] = [code & BPF_OP, BigInt.asUintN(bits, value(dst))];
    if (code === BPF_LDX_MEM_W) {
      const word = context[Number(value(src) - CONTEXT + BigInt(off)) / 4];
      if (word === undefined) return null;
      registers[dst] = BigInt(word);
    } else if (kind === BPF_ALU || kind === BPF_ALU64) {
      const result = OPERATIONS[operation]?.(before, operand);
      if (result === undefined) return null;
      registers[dst] = BigInt.asUintN(bits, result);
    } else if (kind === BPF_JMP && operation === BPF_EXIT) return value(0);
    else if (kind === BPF_JMP && operation === BPF_JA) at += off;
    else {
      const holds =
        kind === BPF_JMP || kind === BPF_JMP32 ? CONDITIONS[operation]?.(before, operand) : undefined;
      if (holds === undefined) return null;
      if (holds) at += off;
    }
  }
  return null;
}
