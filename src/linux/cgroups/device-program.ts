/**
 * Device rules as an eBPF program of the kind BPF_PROG_TYPE_CGROUP_DEVICE. The kernel runs it when a process of
 * the cgroup opens or makes a device node, and refuses with EPERM when it returns 0.
 *
 * The program finds the accesses that the device is granted and checks the requested ones against them:
 *
 *     type is b → b:
 *     c:  device is 1:3 → rwm:       one comparison for each entry of `deviceAccess`,
 *         major is 136  → rwm:       so the verifier takes a fifth of the time
 *         otherwise     → m:         that a program with one block a rule takes
 *     b:  otherwise     → m:
 *     m:    asked has other bits than m → return 0, else 1
 *     rwm:  return 1
 */
import type { DeviceRule } from "../../../runtime-spec/config-linux-resources.ts";
import {
  BPF_ALU64_AND_K,
  BPF_ALU64_LSH_K,
  BPF_ALU64_MOV_K,
  BPF_ALU64_MOV_X,
  BPF_ALU64_OR_X,
  BPF_ALU64_RSH_K,
  BPF_DEVCG_DEV_BLOCK,
  BPF_JMP_EXIT,
  BPF_JMP_JA,
  BPF_JMP32_JEQ_K,
  BPF_JMP32_JNE_K,
  BPF_LDX_MEM_W,
  DEV_CTX_ACCESS_TYPE,
  DEV_CTX_MAJOR,
  DEV_CTX_MINOR,
  DEV_MINOR_BITS,
  type Instruction,
  MOST_INSTRUCTIONS,
  packInstructions,
} from "../../kernel/bpf.ts";
import { fail } from "../../kernel/user-error.ts";
import { RESOURCES } from "./cgroup-write.ts";
import { ALL_ACCESS, ANY, type DeviceAccess, deviceAccess, NO_ACCESS } from "./device-access.ts";

/** Registers: r0 is what exit returns, r1 points to the request. */
const RESULT = 0;
const REQUEST = 1;
const TYPE = 2;
const ASKED = 3;
const MAJOR = 4;
const MINOR = 5;
/** major << 20 | minor, as the kernel's dev_t. */
const DEVICE = 6;

const START: readonly Instruction[] = [
  { code: BPF_LDX_MEM_W, dst: TYPE, src: REQUEST, off: DEV_CTX_ACCESS_TYPE },
  { code: BPF_LDX_MEM_W, dst: MAJOR, src: REQUEST, off: DEV_CTX_MAJOR },
  { code: BPF_LDX_MEM_W, dst: MINOR, src: REQUEST, off: DEV_CTX_MINOR },
  { code: BPF_ALU64_MOV_X, dst: ASKED, src: TYPE },
  { code: BPF_ALU64_AND_K, dst: TYPE, imm: 0xffff },
  { code: BPF_ALU64_RSH_K, dst: ASKED, imm: 16 },
  { code: BPF_ALU64_MOV_X, dst: DEVICE, src: MAJOR },
  { code: BPF_ALU64_LSH_K, dst: DEVICE, imm: DEV_MINOR_BITS },
  { code: BPF_ALU64_OR_X, dst: DEVICE, src: MINOR },
  { code: BPF_ALU64_MOV_K, dst: RESULT, imm: 0 },
];

/** A jump to the check for an access. */
interface Jump extends Instruction {
  readonly to: number;
}

/** The program for rules, as an array of `struct bpf_insn`. The last rule that matches decides. @throws UserError */
export function compileDeviceRules(rules: readonly DeviceRule[]): Uint8Array {
  const block = jumps(deviceAccess("b", rules));
  const character = jumps(deviceAccess("c", rules));
  const skip = { code: BPF_JMP32_JNE_K, dst: TYPE, imm: BPF_DEVCG_DEV_BLOCK, off: block.length };
  const body: readonly (Instruction | Jump)[] = [...START, skip, ...block, ...character];
  if (body.length > MOST_INSTRUCTIONS)
    return fail(`${RESOURCES}.devices`, "are more rules than an eBPF program can hold");
  const checks = new Map<number, number>();
  const end: Instruction[] = [];
  const placed = body.map((instruction, index) => {
    if (!("to" in instruction)) return instruction;
    const at = checks.get(instruction.to) ?? body.length + end.length;
    if (!checks.has(instruction.to)) end.push(...check(instruction.to));
    checks.set(instruction.to, at);
    return { ...instruction, off: at - index - 1 };
  });
  return packInstructions([...placed, ...end]);
}

function jumps(entries: readonly DeviceAccess[]): readonly Jump[] {
  return entries.filter(canMatch).map((entry) => ({ ...comparison(entry), to: entry.access }));
}

/** config.json may have larger numbers than a dev_t. */
function canMatch({ major, minor }: DeviceAccess): boolean {
  return major < 2 ** (32 - DEV_MINOR_BITS) && minor < 2 ** DEV_MINOR_BITS;
}

function comparison({ major, minor }: DeviceAccess): Instruction {
  if (major === ANY && minor === ANY) return { code: BPF_JMP_JA };
  if (minor === ANY) return { code: BPF_JMP32_JEQ_K, dst: MAJOR, imm: major };
  if (major === ANY) return { code: BPF_JMP32_JEQ_K, dst: MINOR, imm: minor };
  return { code: BPF_JMP32_JEQ_K, dst: DEVICE, imm: (major << DEV_MINOR_BITS) | minor };
}

function check(access: number): readonly Instruction[] {
  const deny = { code: BPF_JMP_EXIT };
  const allow = [{ code: BPF_ALU64_MOV_K, dst: RESULT, imm: 1 }, { code: BPF_JMP_EXIT }];
  if (access === NO_ACCESS) return [deny];
  if (access === ALL_ACCESS) return allow;
  return [
    { code: BPF_ALU64_AND_K, dst: ASKED, imm: ~access },
    { code: BPF_JMP32_JNE_K, dst: ASKED, imm: 0, off: 1 },
    ...allow,
  ];
}
