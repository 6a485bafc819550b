/** 64-bit numbers: JSON.parse delivers doubles, which are exact up to 2^53 only. */

/** 18446744073709551615 (RLIM_INFINITY, "all ones") and 9223372036854775807 as JSON.parse delivers them. */
export const UINT64_MAX = 2 ** 64;
export const INT64_MAX = 2 ** 63;

/**
 * Whether a 64-bit number stands for "no limit": callers write 2^64-1 (rlimits), 2^63-1, or 2^63 less a page
 * (what cgroup v1 shows where nothing is limited). JSON.parse rounds the first two up to `UINT64_MAX` and
 * `INT64_MAX`. They are the only numbers beyond 2^53 that validation lets pass.
 */
export function isUnlimited(value: number): boolean {
  return value === UINT64_MAX || (value <= INT64_MAX && value >= INT64_MAX - 2 ** 30);
}
