/** 64-bit numbers: JSON.parse delivers doubles, which beyond 2^53 leave some integers out. */

/** 18446744073709551615 (RLIM_INFINITY, "all ones") and 9223372036854775807 as JSON.parse delivers them. */
export const UINT64_MAX = 2 ** 64;
export const INT64_MAX = 2 ** 63;

/**
 * Whether a 64-bit number stands for "no limit": callers write 2^64-1 (rlimits), 2^63-1, or 2^63 less a page
 * (what cgroup v1 shows where nothing is limited). JSON.parse rounds the first two up to `UINT64_MAX` and
 * `INT64_MAX`.
 */
export function isUnlimited(value: number): boolean {
  return value === UINT64_MAX || (value <= INT64_MAX && value >= INT64_MAX - 2 ** 30);
}

/** Whether a number beyond 2^53 is what the author of a JSON text wrote, and not the nearest double. */
export type IsExact = (value: number) => boolean;

/** Tells it of the numbers that JSON.parse has read in `text`, which is looked at when the first is asked about. */
export function exactnessIn(text: string): IsExact {
  let rounded: ReadonlySet<number> | null = null;
  return (value) => {
    rounded ??= roundedIn(text);
    return !rounded.has(value);
  };
}

function roundedIn(text: string): ReadonlySet<number> {
  const rounded = new Set<number>();
  for (const [literal] of text.matchAll(/-?\d{16,}/g)) {
    const value = Number(literal);
    if (!Number.isFinite(value) || BigInt(value) !== BigInt(literal)) rounded.add(value);
  }
  return rounded;
}

/** All digits of an integer: String() gives no more than tell it from other doubles. */
export function digits(value: number): string {
  return Number.isSafeInteger(value) ? String(value) : String(BigInt(value));
}
