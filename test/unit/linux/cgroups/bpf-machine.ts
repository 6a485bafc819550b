/** A machine for the few eBPF instructions that device programs are made of, as bpf(2)'s interpreter runs them. */

export interface Request {
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  /** Some of `r`, `w` and `m`. */
  readonly access: string;
}

const TYPES = { b: 1, c: 2 } as const;
const ACCESS: { readonly [letter: string]: number } = { m: 1, r: 2, w: 4 };

/** Whether a program grants a request. */
export function grants(program: Uint8Array, { type, major, minor, access }: Request): boolean {
  const bits = [...access].reduce((sum, letter) => sum | (ACCESS[letter] ?? 0), 0);
  return runProgram(program, (bits << 16) | TYPES[type], major, minor) === 1n;
}

const low = (value: bigint) => value & 0xffff_ffffn;
const wrap = (value: bigint) => BigInt.asUintN(64, value);

/** Runs a program on a `struct bpf_cgroup_dev_ctx`; returns r0. Registers are 64 bits, immediates sign-extended. */
export function runProgram(program: Uint8Array, accessType: number, major: number, minor: number): bigint {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const context = new Map([
    [0, accessType],
    [4, major],
    [8, minor],
  ]);
  const registers = new Map<number, bigint>();
  const get = (register: number): bigint => {
    const value = registers.get(register);
    if (value === undefined) throw new Error(`r${register} is read before it is written`);
    return value;
  };
  for (let at = 0; at < program.byteLength; at += 8) {
    const code = view.getUint8(at);
    const dst = view.getUint8(at + 1) & 0xf;
    const src = view.getUint8(at + 1) >> 4;
    const offset = view.getInt16(at + 2, true);
    const immediate = BigInt(view.getInt32(at + 4, true));
    const jumpIf = (condition: boolean) => {
      if (offset < 0) throw new Error("a jump backwards");
      if (condition) at += offset * 8;
    };
    if (code === 0x61 && src === 1) registers.set(dst, BigInt((context.get(offset) ?? Number.NaN) >>> 0));
    else if (code === 0xb7) registers.set(dst, wrap(immediate));
    else if (code === 0xbf) registers.set(dst, get(src));
    else if (code === 0x4f) registers.set(dst, get(dst) | get(src));
    else if (code === 0x57) registers.set(dst, get(dst) & wrap(immediate));
    else if (code === 0x67) registers.set(dst, wrap(get(dst) << immediate));
    else if (code === 0x77) registers.set(dst, get(dst) >> immediate);
    else if (code === 0x05) jumpIf(true);
    else if (code === 0x16) jumpIf(low(get(dst)) === low(wrap(immediate)));
    else if (code === 0x56) jumpIf(low(get(dst)) !== low(wrap(immediate)));
    else if (code === 0x95) return get(0);
    else throw new Error(`unknown instruction 0x${code.toString(16)}`);
  }
  throw new Error("the program runs past its end");
}
