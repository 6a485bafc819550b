import type { Capabilities } from "../../../runtime-spec/config.ts";
import { CAPABILITIES } from "../../../runtime-spec/config-process.ts";
import type { Program } from "../../agent/program.ts";
import { capset, prctl } from "../../kernel/calls.ts";
import {
  LINUX_CAPABILITY_VERSION_3,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { type CapabilitySet, capData, capHeader } from "../../kernel/structs.ts";

/** Bits tried when the bounding set is dropped: beyond the known names, for kernels with more capabilities. */
const BOUNDING_BITS = 48;

/** Which capabilities are named, as numbers; unknown names (validation warns) are left out, as runc does. */
function numbers(names: readonly string[] = []): readonly number[] {
  const result: number[] = [];
  for (const name of names) {
    const number = CAPABILITIES.indexOf(name);
    if (number >= 0) result.push(number);
  }
  return result;
}

function mask(names: readonly string[] | undefined): CapabilitySet {
  let [low, high] = [0, 0];
  for (const number of numbers(names)) {
    if (number < 32) low |= 1 << number;
    else high |= 1 << (number - 32);
  }
  return [low, high];
}

/**
 * Narrows the bounding set. Must run before the user changes: it needs CAP_SETPCAP.
 * Afterwards no execve(2) can give the container a capability outside of it.
 */
export function dropBounding(program: Program, capabilities: Capabilities): void {
  const kept = new Set(numbers(capabilities.bounding));
  program.by("process.capabilities.bounding");
  for (let number = 0; number < BOUNDING_BITS; number++)
    if (!kept.has(number)) program.add(prctl(PR_CAPBSET_DROP, number), [ERRNO.EINVAL]); // EINVAL: the kernel has fewer
}

/**
 * Sets permitted, effective, inheritable and ambient exactly, after the user changed (with PR_SET_KEEPCAPS).
 * Afterwards the process has only these. A permitted capability that tsrun itself lacks gives EPERM.
 */
export function setCapabilities(program: Program, capabilities: Capabilities): void {
  const { effective, permitted, inheritable, ambient } = capabilities;
  program.by("process.capabilities");
  program.add(
    capset(
      capHeader(LINUX_CAPABILITY_VERSION_3),
      capData(mask(effective), mask(permitted), mask(inheritable)),
    ),
  );
  program.by("process.capabilities.ambient");
  program.add(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL));
  // Only a permitted and inheritable capability can be ambient (EPERM). Not an error, as in runc: validation warns.
  for (const number of numbers(ambient))
    program.add(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number), [ERRNO.EPERM]);
}
