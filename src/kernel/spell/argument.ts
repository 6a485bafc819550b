/** One argument of a system call that somebody else makes, or compares: see KINDS for those that tsrun makes. */
import type { Call } from "../call.ts";
import { KINDS } from "./calls.ts";
import { FAMILIES as F, type Family } from "./families.ts";
import { flagsIn, type Kind } from "./kinds.ts";

/** The families of arguments, by call and index: of calls that tsrun doesn't make, or makes with less. */
const MORE: { readonly [call: string]: readonly (readonly Family[])[] } = {
  clone: [[F.CLONE]],
  personality: [[F.PER, F.PER_FLAG]],
  ptrace: [[F.PTRACE]],
};

const kindsOf: { readonly [call: string]: readonly Kind[] | undefined } = KINDS;

/** `AF_VSOCK`, `CLONE_NEWNS|CLONE_NEWUSER`; a number where the value has no name. */
export function spellArgument(call: string, index: number, value: bigint): string {
  const families = MORE[call]?.[index];
  const kind = kindsOf[call]?.[index];
  // The other arguments are unknown. Of the call, its kinds read these alone.
  const spelled =
    families !== undefined ? flagsOrName(value, families) : kind?.(value, { name: "read", args: [] } as Call);
  return spelled === undefined || spelled === null || /^\d+$|\?\?\?/.test(spelled) ? plain(value) : spelled;
}

function flagsOrName(value: bigint, families: readonly Family[]): string {
  const [name] = families.flat().find(([, known]) => known === value) ?? [];
  return name ?? flagsIn(value, ...families);
}

/** Decimal where that is short, else hexadecimal. */
const plain = (value: bigint) => (value < 4096n ? String(value) : `0x${value.toString(16)}`);
