import type { Diagrams, Node } from "./diagram.ts";
import type { Machine } from "./filter.ts";
import { ARGUMENT_BITS, argumentStart, MOST_ARGUMENTS } from "./outcomes.ts";

/** A call as a process can make it. */
export interface Example {
  /** The architecture's name. */
  readonly machine: string;
  /** AUDIT_ARCH_… */
  readonly arch: number;
  readonly number: number;
  readonly args: readonly bigint[];
}

/** A call with arguments that are in a region: with as many bits 0 as they may be. */
export function exampleOf(diagrams: Diagrams, machine: Machine, number: number, region: Node): Example {
  const args = Array.from({ length: MOST_ARGUMENTS }, () => 0n);
  let node = region;
  for (
    let variable = diagrams.variable(node);
    Number.isFinite(variable);
    variable = diagrams.variable(node)
  ) {
    const low = diagrams.low(node, variable);
    if (low !== diagrams.no) {
      node = low;
      continue;
    }
    node = diagrams.high(node, variable);
    const index = Math.floor((variable - argumentStart(0)) / ARGUMENT_BITS);
    args[index] = (args[index] ?? 0n) | (1n << BigInt(argumentStart(index + 1) - 1 - variable));
  }
  return { machine: machine.name, arch: machine.arch, number, args };
}
