/** What of a policy a kernel can do. */
import { close } from "../../kernel/calls.ts";
import { attempt, here } from "../../kernel/here.ts";
import { landlockCreateRuleset, landlockVersion } from "../../kernel/landlock.ts";
import { UserError } from "../../kernel/user-error.ts";
import { type Policy, placeIn } from "./policy.ts";
import { abiWords, NEWEST_ABI, namesOf, type Part, RIGHTS, rightsOf } from "./rights.ts";

/** The Landlock of a kernel. */
export interface Kernel {
  /** 0 where there is none, or it was not enabled at boot. */
  readonly abi: number;
  /** Whether it has a right that the table lacks. */
  readonly has: (part: Part, bit: bigint) => boolean;
}

/** This machine's ABI; 0 for none. */
export const landlockAbi = (): number => Math.max(0, attempt(landlockVersion()));

/** This machine's. */
export const thisKernel = (): Kernel => ({ abi: landlockAbi(), has: takes });

/** Whether a ruleset may handle a right. */
function takes(part: Part, bit: bigint): boolean {
  const ruleset = attempt(landlockCreateRuleset({ fs: 0n, net: 0n, scoped: 0n, [part]: bit }));
  if (ruleset >= 0) here(close(ruleset));
  return ruleset >= 0;
}

/** The policy without what the kernel lacks, and a line about each place that loses something. */
export function fitted(
  policy: Policy,
  kernel: Kernel,
): { readonly policy: Policy; readonly notes: readonly string[] } {
  const { handled, paths, ports, given } = policy;
  const kept = (part: Part, mask: bigint) => mask & ~lacking(part, mask, kernel);
  return {
    policy: {
      given,
      handled: {
        fs: kept("fs", handled.fs),
        net: kept("net", handled.net),
        scoped: kept("scoped", handled.scoped),
      },
      paths: paths.map((rule) => ({ ...rule, rights: kept("fs", rule.rights) })),
      ports: ports.map((rule) => ({ ...rule, rights: kept("net", rule.rights) })),
    },
    notes: lacks(policy, kernel).map(({ place, what }) => `${placeIn(place)}: left out: ${what}`),
  };
}

/** @throws UserError with all that the kernel lacks */
export function requireAll(policy: Policy, kernel: Kernel): void {
  const problems = lacks(policy, kernel).map(({ place, what }) => `${placeIn(place)}: ${what}`);
  if (problems.length > 0) throw new UserError(problems);
}

/** What of the policy a kernel lacks, by place: `truncate needs ABI 3 (Linux 6.2): this kernel's is ABI 2`. */
function lacks({ given }: Policy, kernel: Kernel) {
  return given.flatMap(({ part, rights, place }) => {
    const lost = lacking(part, rights, kernel);
    if (lost === 0n) return [];
    const needed = namesOf(part, lost).map((name) => {
      const right = RIGHTS[part].find((one) => one.name === name);
      return `${name} needs ${right === undefined ? "another ABI" : abiWords(right.abi)}`;
    });
    return [{ place, what: `${needed.join(", ")}: ${present(kernel)}` }];
  });
}

const present = ({ abi }: Kernel) =>
  abi === 0 ? "this kernel has no Landlock, or it is off" : `this kernel's is ABI ${abi}`;

/** The rights of a mask that a kernel has not. */
function lacking(part: Part, mask: bigint, { abi, has }: Kernel): bigint {
  const known = rightsOf(part, NEWEST_ABI);
  let lost = mask & known & ~rightsOf(part, abi);
  for (let rest = mask & ~known; rest !== 0n; ) {
    const bit = rest & -rest; // the lowest
    if (!has(part, bit)) lost |= bit;
    rest &= ~bit;
  }
  return lost;
}
