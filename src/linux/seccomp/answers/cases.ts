/** From a function of a call's arguments to cases that people can read: on which conditions it has which value. */
import type { Diagrams, Node } from "./diagram.ts";
import { argumentBits, argumentStart, MOST_ARGUMENTS } from "./outcomes.ts";

/** Values of one argument, in the shortest form that says exactly which. */
type Values =
  | { readonly form: "these" | "all but"; readonly values: readonly bigint[] }
  | { readonly form: "ranges"; readonly ranges: readonly Range[] }
  | { readonly form: "masked" | "not masked"; readonly cubes: readonly Cube[] }
  /** Too many to be told. */
  | { readonly form: "many" };

/** From the first to the last. */
export type Range = readonly [first: bigint, last: bigint];
/** Those that have `value` in the bits of `mask`. */
export interface Cube {
  readonly mask: bigint;
  readonly value: bigint;
}

export interface Condition {
  readonly argument: number;
  readonly values: Values;
}

/** What a filter returns where all conditions hold. No two cases of a call hold at once. */
export interface Case {
  readonly conditions: readonly Condition[];
  readonly value: number;
  /** Where it holds, as a function with the values 0 and 1. */
  readonly region: Node;
}

/** The cases of a function of the arguments' bits, whose registers have `width` bits. */
export function casesOf(diagrams: Diagrams, node: Node, width: number, from = 0): readonly Case[] {
  const value = diagrams.value(node);
  if (value !== null) return [{ conditions: [], value, region: diagrams.yes }];
  let argument = from;
  while (argument < MOST_ARGUMENTS && diagrams.variable(node) >= argumentStart(argument + 1)) argument++;
  const end = argumentStart(argument + 1);
  return diagrams.parts(node, end).flatMap((part) => {
    const where = diagrams.leadsTo(node, part, end);
    const condition = { argument, values: valuesOf(diagrams, where, argumentBits(argument, width)) };
    return casesOf(diagrams, part, width, argument + 1).map((one) => ({
      conditions: [condition, ...one.conditions],
      value: one.value,
      region: diagrams.and(where, one.region),
    }));
  });
}

/** More pieces than this are no shorter in one form than in another. */
const MOST_PIECES = 1024;

/** Which values of a word of these bits a condition holds for. */
function valuesOf(diagrams: Diagrams, where: Node, bits: readonly number[]): Values {
  const elsewhere = diagrams.not(where);
  const [ranges, others] = [where, elsewhere].map((one) => rangesOf(diagrams, one, bits));
  const [cubes, holes] = [where, elsewhere].map((one) => cubesOf(diagrams, one, bits));
  const forms: readonly (Values & { readonly pieces: number })[] = [
    ...singles("these", ranges),
    ...singles("all but", others),
    ...(cubes ? [{ form: "masked" as const, cubes, pieces: effort(cubes) }] : []),
    ...(holes ? [{ form: "not masked" as const, cubes: holes, pieces: effort(holes) }] : []),
    ...(ranges ? [{ form: "ranges" as const, ranges, pieces: ranges.length }] : []),
  ];
  const fewest = Math.min(...forms.map(({ pieces }) => pieces));
  return forms.find(({ pieces }) => pieces === fewest) ?? { form: "many" };
}

/** Masks are harder to read than values, and several of them much harder. */
const effort = (cubes: readonly Cube[]) => (cubes.length === 1 ? 1 : cubes.length * 3);

function singles(form: "these" | "all but", ranges: readonly Range[] | null | undefined) {
  if (!ranges?.every(([first, last]) => first === last)) return [];
  return [{ form, values: ranges.map(([first]) => first), pieces: ranges.length }];
}

/** The values in order, as ranges; null when there are too many. */
export function rangesOf(
  diagrams: Diagrams,
  where: Node,
  bits: readonly number[],
  most = MOST_PIECES,
): readonly Range[] | null {
  const ranges: [bigint, bigint][] = [];
  const walk = (node: Node, index: number, first: bigint): boolean => {
    if (node === diagrams.no) return true;
    const variable = bits[index];
    if (node === diagrams.yes || variable === undefined) {
      const last = first + (1n << BigInt(bits.length - index)) - 1n;
      const before = ranges.at(-1);
      if (before !== undefined && before[1] + 1n === first) before[1] = last;
      else ranges.push([first, last]);
      return ranges.length <= most;
    }
    const half = 1n << BigInt(bits.length - index - 1);
    return (
      walk(diagrams.low(node, variable), index + 1, first) &&
      walk(diagrams.high(node, variable), index + 1, first + half)
    );
  };
  return walk(where, 0, 0n) ? ranges : null;
}

/** The same as bits that must be set or not; null when there are too many. */
function cubesOf(diagrams: Diagrams, where: Node, bits: readonly number[]): readonly Cube[] | null {
  const cubes: Cube[] = [];
  const walk = (node: Node, mask: bigint, value: bigint): boolean => {
    if (node === diagrams.no) return true;
    const variable = diagrams.variable(node);
    if (node === diagrams.yes || !bits.includes(variable)) return cubes.push({ mask, value }) <= MOST_PIECES;
    const bit = 1n << BigInt(bits.length - 1 - bits.indexOf(variable));
    return (
      walk(diagrams.low(node, variable), mask | bit, value) &&
      walk(diagrams.high(node, variable), mask | bit, value | bit)
    );
  };
  return walk(where, 0n, 0n) ? cubes : null;
}
