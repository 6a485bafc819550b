/**
 * All that a filter can return, for every call at once: the filter is executed with bits that are not known, so nothing
 * is guessed from a profile's names. What evaluate.ts says of one call, this says of all.
 */
import {
  BPF_ALU_AND_K,
  BPF_JMP_JA,
  BPF_JMP_JEQ_K,
  BPF_JMP_JGE_K,
  BPF_JMP_JGT_K,
  BPF_JMP_JSET_K,
  BPF_LD_W_ABS,
  BPF_RET_K,
  SECCOMP_DATA,
  SOCK_FILTER_SIZE,
} from "../../../kernel/seccomp.ts";
import type { Diagrams, Node } from "./diagram.ts";

/** The bits of a call's number, the highest first; then those of each argument, the same. */
const NUMBER_BITS = 32;
export const ARGUMENT_BITS = 64;
export const MOST_ARGUMENTS = 6;

/** The variable of an argument's highest bit, which is also the end of the argument before. */
export const argumentStart = (argument: number) => NUMBER_BITS + argument * ARGUMENT_BITS;

/** The variables of a word of `width` bits at the end of an argument, the highest bit first. */
export function argumentBits(argument: number, width: number): readonly number[] {
  return Array.from({ length: width }, (_, index) => argumentStart(argument + 1) - width + index);
}

export const numberBits: readonly number[] = Array.from({ length: NUMBER_BITS }, (_, index) => index);

/** How a word, or those bits of it that a mask has, is compared with a value. */
type Relation = "equal" | "greater" | "at least" | "shares bits";

/** Where the word of these bits, after `& mask`, is in a relation to `value`. */
export function comparison(
  diagrams: Diagrams,
  bits: readonly number[],
  relation: Relation,
  mask: bigint,
  value: bigint,
): Node {
  const { yes, no } = diagrams;
  // From the lowest bit up: what the bits so far say when all higher ones are equal, or share nothing.
  let result = relation === "equal" || relation === "at least" ? yes : no;
  for (const [index, variable] of [...bits].reverse().entries()) {
    const bit = 1n << BigInt(index);
    const [isMasked, isSet] = [(mask & bit) !== 0n, (value & bit) !== 0n];
    if (relation === "shares bits") {
      if (isMasked && isSet) result = diagrams.decide(variable, result, yes);
    } else if (!isMasked) result = isSet ? no : result;
    else if (isSet) result = diagrams.decide(variable, no, result);
    else result = diagrams.decide(variable, result, relation === "equal" ? no : yes);
  }
  // A value that is too wide for the word is greater than all of it.
  return relation !== "shares bits" && value >> BigInt(bits.length) !== 0n ? no : result;
}

/** Of which calls a filter is asked. */
interface Calls {
  /** AUDIT_ARCH_… */
  readonly arch: number;
  /** All numbers when left out. */
  readonly number?: number;
  /** Whether registers have 32 bits: the upper halves of arguments are 0 then. */
  readonly isNarrow: boolean;
}

/** What the filter has in its accumulator: a number, or bits of which some are masked. */
type Accumulator = number | { readonly bits: readonly number[]; readonly mask: bigint };

const RELATIONS: { readonly [code: number]: Relation } = {
  [BPF_JMP_JEQ_K]: "equal",
  [BPF_JMP_JGT_K]: "greater",
  [BPF_JMP_JGE_K]: "at least",
  [BPF_JMP_JSET_K]: "shares bits",
};

const FULL = 0xffff_ffffn;

/**
 * What a filter returns (SECCOMP_RET_… with its data), as a function of the number's and the arguments' bits. A filter
 * that runs to its end without an answer, as a part of one may, returns `otherwise`. Null when it has instructions that
 * libseccomp does not write.
 */
export function outcomes(
  diagrams: Diagrams,
  filter: Uint8Array,
  { arch, number, isNarrow }: Calls,
  otherwise: number,
): Node | null {
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const done = new Map<string, Node>();
  let isKnown = true;

  function loaded(offset: number): Accumulator {
    if (offset === SECCOMP_DATA.nr) return number ?? { bits: numberBits, mask: FULL };
    if (offset === SECCOMP_DATA.arch) return arch;
    const word = (offset - SECCOMP_DATA.args) / 4;
    if (!Number.isInteger(word) || word < 0 || word >= MOST_ARGUMENTS * 2) isKnown = false;
    const bits = argumentBits(word >> 1, ARGUMENT_BITS);
    if (word % 2 === 0) return { bits: bits.slice(32), mask: FULL };
    return isNarrow ? 0 : { bits: bits.slice(0, 32), mask: FULL };
  }

  function jump(relation: Relation, accumulator: Accumulator, k: number): Node {
    if (typeof accumulator !== "number")
      return comparison(diagrams, accumulator.bits, relation, accumulator.mask, BigInt(k));
    return holds(relation, accumulator, k) ? diagrams.yes : diagrams.no;
  }

  function from(at: number, accumulator: Accumulator): Node {
    if (at >= filter.byteLength) return diagrams.leaf(otherwise);
    const key =
      typeof accumulator === "number"
        ? `${at} ${accumulator}`
        : `${at} ${accumulator.bits[0]} ${accumulator.mask}b`;
    const known = done.get(key);
    if (known !== undefined) return known;
    const result = execute(at, accumulator);
    done.set(key, result);
    return result;
  }

  function execute(at: number, accumulator: Accumulator): Node {
    const code = program.getUint16(at, true);
    const k = program.getUint32(at + 4, true);
    const next = at + SOCK_FILTER_SIZE;
    const relation = RELATIONS[code];
    if (relation !== undefined) {
      const condition = jump(relation, accumulator, k);
      const target = (offset: number) =>
        from(next + program.getUint8(at + offset) * SOCK_FILTER_SIZE, accumulator);
      if (condition === diagrams.yes) return target(2);
      if (condition === diagrams.no) return target(3);
      return diagrams.choose(condition, target(2), target(3));
    }
    if (code === BPF_JMP_JA) return from(next + k * SOCK_FILTER_SIZE, accumulator);
    if (code === BPF_LD_W_ABS) return from(next, loaded(k));
    if (code === BPF_ALU_AND_K) return from(next, masked(accumulator, k));
    if (code !== BPF_RET_K) isKnown = false;
    return diagrams.leaf(k);
  }

  const result = from(0, 0);
  return isKnown ? result : null;
}

function holds(relation: Relation, accumulator: number, k: number): boolean {
  if (relation === "equal") return accumulator === k;
  if (relation === "greater") return accumulator > k;
  return relation === "at least" ? accumulator >= k : (accumulator & k) !== 0;
}

function masked(accumulator: Accumulator, k: number): Accumulator {
  if (typeof accumulator === "number") return (accumulator & k) >>> 0;
  return { bits: accumulator.bits, mask: accumulator.mask & BigInt(k) };
}
