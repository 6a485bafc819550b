import type { Capabilities, Process } from "../../../runtime-spec/config.ts";
import { CAPABILITIES } from "../../../runtime-spec/config-process.ts";

/** The sets of a process (capabilities(7)), and their names in its file `status`. */
export const CAPABILITY_SETS = {
  bounding: "CapBnd",
  permitted: "CapPrm",
  effective: "CapEff",
  inheritable: "CapInh",
  ambient: "CapAmb",
} as const satisfies { readonly [set in keyof Capabilities]-?: string };

export type CapabilitySetName = keyof typeof CAPABILITY_SETS;
export type CapabilitySets = { readonly [set in CapabilitySetName]: ReadonlySet<string> };

/**
 * The capabilities of a program that starts with those of config.json: execve(2) computes them anew (capabilities(7),
 * "Transformation of capabilities during execve()"). Root gets all that its bounding and inheritable sets have, any
 * other user the ambient ones. Files that bring capabilities of their own are not considered.
 */
export function capabilitiesAfterExec({
  user: { uid = 0 } = {},
  capabilities = {},
}: Process): CapabilitySets {
  const given = (set: CapabilitySetName) =>
    new Set((capabilities[set] ?? []).filter((name) => CAPABILITIES.includes(name)));
  const [bounding, inheritable] = [given("bounding"), given("inheritable")];
  // Others can't be raised, which is no error.
  const ambient = given("ambient").intersection(given("permitted")).intersection(inheritable);
  const permitted = uid === 0 ? bounding.union(inheritable) : ambient;
  return { bounding, inheritable, ambient, permitted, effective: permitted };
}

/** The capabilities in the hexadecimal number of a file `status`; those that have no name here by their number. */
export function capabilitiesIn(hex: string): ReadonlySet<string> {
  const bits = BigInt(`0x${hex || "0"}`);
  const found = new Set<string>();
  for (let number = 0; bits >> BigInt(number) > 0n; number++)
    if ((bits >> BigInt(number)) & 1n) found.add(CAPABILITIES[number] ?? `capability ${number}`);
  return found;
}
