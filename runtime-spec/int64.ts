/** 64-bit integers, of which a double leaves some out beyond 2^53. */

/** An integer as parseJson delivers it: a number where that is exact, else a bigint. */
export type Integer = number | bigint;

/** RLIM_INFINITY, "all ones". */
export const UINT64_MAX = 0xffff_ffff_ffff_ffffn;
export const INT64_MAX = 0x7fff_ffff_ffff_ffffn;
export const INT64_MIN = -0x8000_0000_0000_0000n;

const PAGE = 4096n;

/**
 * Whether a limit stands for "no limit": callers write 2^64-1, 2^63-1, or 2^63 less a page (what cgroup v1 shows where
 * nothing is limited).
 */
export function isUnlimited(value: Integer): boolean {
  return value === UINT64_MAX || (value > INT64_MAX - PAGE && value <= INT64_MAX);
}

/** The integer that decimal digits tell. */
export function integerIn(digits: string): Integer {
  return narrowed(BigInt(digits));
}

/** A number wherever that is exact: so two equal integers are `===`. */
export function narrowed(value: bigint): Integer {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
