import {
  BPF_ALU_AND_K,
  BPF_JMP_JA,
  BPF_JMP_JEQ_K,
  BPF_JMP_JGE_K,
  BPF_JMP_JGT_K,
  BPF_JMP_JSET_K,
  BPF_LD_W_ABS,
  BPF_RET_K,
  NATIVE_AUDIT_ARCH,
  SECCOMP_DATA,
  SOCK_FILTER_SIZE,
} from "../../kernel/seccomp.ts";

/** A system call as a filter sees it. */
interface FilteredCall {
  readonly number: number;
  /** AUDIT_ARCH_…; the native one when left out. */
  readonly arch?: number;
  /** Zero where left out. */
  readonly args?: readonly (number | bigint)[];
}

const JUMPS: { readonly [code: number]: (accumulator: number, k: number) => boolean } = {
  [BPF_JMP_JEQ_K]: (accumulator, k) => accumulator === k,
  [BPF_JMP_JGT_K]: (accumulator, k) => accumulator > k,
  [BPF_JMP_JGE_K]: (accumulator, k) => accumulator >= k,
  [BPF_JMP_JSET_K]: (accumulator, k) => (accumulator & k) !== 0,
};

/**
 * What the kernel would do about a call: the value that a filter returns for it (SECCOMP_RET_…, with its data).
 * Knows the instructions that libseccomp writes; null when there are others.
 */
export function evaluate(filter: Uint8Array, call: FilteredCall): number | null {
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const data = seccompData(call);
  let accumulator = 0;
  for (let at = 0; at < filter.byteLength; at += SOCK_FILTER_SIZE) {
    const code = program.getUint16(at, true);
    const k = program.getUint32(at + 4, true);
    const jump = JUMPS[code];
    if (jump !== undefined) at += program.getUint8(jump(accumulator, k) ? at + 2 : at + 3) * SOCK_FILTER_SIZE;
    else if (code === BPF_JMP_JA) at += k * SOCK_FILTER_SIZE;
    else if (code === BPF_LD_W_ABS) accumulator = data.getUint32(k, true);
    else if (code === BPF_ALU_AND_K) accumulator = (accumulator & k) >>> 0;
    else if (code === BPF_RET_K) return k;
    else return null;
  }
  return null;
}

function seccompData({ number, arch = NATIVE_AUDIT_ARCH, args = [] }: FilteredCall): DataView {
  const data = new DataView(new ArrayBuffer(SECCOMP_DATA.size));
  data.setUint32(SECCOMP_DATA.nr, number, true);
  data.setUint32(SECCOMP_DATA.arch, arch, true);
  for (const [index, value] of args.entries())
    data.setBigUint64(SECCOMP_DATA.args + index * 8, BigInt.asUintN(64, BigInt(value)), true);
  return data;
}
