/** What one filter allows and another doesn't: for all numbers and all arguments, out of the filters themselves. */

import { NUMBERS_BESIDE } from "../../../kernel/register-arguments.ts";
import { UNFILTERED_CALLS, X32_SYSCALL_BIT } from "../../../kernel/seccomp.ts";
import { type Condition, casesOf, type Range, rangesOf } from "./cases.ts";
import { type Example, exampleOf } from "./example.ts";
import { type Filter, MACHINES, type Machine, plainNumber, widthOf } from "./filter.ts";
import { argumentStart, numberBits } from "./outcomes.ts";

/** Calls that two filters answer differently, in the same way on some architectures. */
export interface Difference {
  readonly machines: readonly Machine[];
  /** Calls by their names, and numbers that neither profile has a name for, without the bit that marks those of x32. */
  readonly names: readonly string[];
  readonly numbers: readonly Range[];
  readonly conditions: readonly Condition[];
  /** A call for each name or range of numbers, on each architecture, that the filters answer so. */
  readonly examples: readonly Example[];
  /** What the filters return. */
  readonly values: readonly [one: number, other: number];
}

/** The end of a range that has no other end; greater numbers are negative for the kernel. */
export const LAST_NUMBER = 0x7fff_ffffn;

/** Of an architecture, before they are put together. */
interface Found extends Omit<Difference, "machines" | "names"> {
  readonly machine: Machine;
  readonly name: string | null;
}

/** All differences of two filters that share their diagrams. */
export function differences(one: Filter, other: Filter): readonly Difference[] {
  return together(MACHINES.flatMap((machine) => differencesOn(machine, one, other)));
}

function differencesOn(machine: Machine, one: Filter, other: Filter): readonly Found[] {
  const { diagrams } = one;
  const pairs: (readonly [number, number])[] = [];
  const isSame = 0;
  const both = diagrams.combine([one.outcome(machine), other.outcome(machine)], (a = 0, b = 0) => {
    if (a === b) return isSame;
    const known = pairs.findIndex(([first, second]) => first === a && second === b);
    return known < 0 ? pairs.push([a, b]) : known + 1;
  });
  const names = namesByNumber(machine, one, other);
  const end = argumentStart(0);
  return diagrams.parts(both, end).flatMap((part) => {
    if (diagrams.value(part) === isSame) return [];
    const where = ofMachine(
      machine,
      rangesOf(diagrams, diagrams.leadsTo(both, part, end), numberBits, Number.POSITIVE_INFINITY) ?? [],
    );
    const cases = casesOf(diagrams, part, widthOf(diagrams, machine, part)).flatMap(
      ({ conditions, value, region }) => {
        const values = pairs[value - 1];
        return values === undefined ? [] : [{ found: { machine, conditions, values }, region }];
      },
    );
    const named = [...names].filter(([number]) => isIn(where, BigInt(plainNumber(number))));
    const unasked = machine.isNative ? UNFILTERED_CALLS : [];
    const unnamed = without(where, [...named.map(([number]) => plainNumber(number)), ...unasked].map(BigInt));
    const bit = machine.name === "x32" ? X32_SYSCALL_BIT : 0;
    return cases.flatMap(({ found, region }) => {
      const example = (number: number) => exampleOf(diagrams, machine, number, region);
      const examples = unnamed.map(([first]) => example(Number(first) + bit));
      return [
        ...named.map(([number, name]) => ({ ...found, name, numbers: [], examples: [example(number)] })),
        ...(unnamed.length > 0 ? [{ ...found, name: null, numbers: unnamed, examples }] : []),
      ];
    });
  });
}

/** The calls that one of two profiles names, by their numbers on an architecture. */
function namesByNumber(machine: Machine, one: Filter, other: Filter): ReadonlyMap<number, string> {
  const names = [one, other].flatMap(({ profile }) =>
    (profile.seccomp?.syscalls ?? []).flatMap((entry) => entry.names),
  );
  const all = new Set([...names, ...(machine.name === "x86" ? Object.keys(NUMBERS_BESIDE) : [])]);
  const found = new Map<number, string>();
  for (const name of [...all].sort()) {
    const number = one.numberOf(machine, name);
    if (number !== null) found.set(number, name);
  }
  return found;
}

/** The numbers that calls of an architecture can have: x32's are those of x86-64 with a bit more, which is left out here. */
function ofMachine({ name, arch }: Machine, ranges: readonly Range[]): readonly Range[] {
  const bit = BigInt(X32_SYSCALL_BIT);
  const isShared = MACHINES.filter((one) => one.arch === arch).length > 1;
  const first = name === "x32" ? bit : 0n;
  const last = name === "x32" || !isShared ? bit * 2n - 1n : bit - 1n;
  return ranges.flatMap(([from, to]) => {
    if (from > last || to < first) return [];
    return [[from < first ? 0n : from - first, to >= last ? LAST_NUMBER : to - first] as const];
  });
}

const isIn = (ranges: readonly Range[], number: bigint) =>
  ranges.some(([first, last]) => first <= number && number <= last);

/** Ranges without some numbers. */
function without(ranges: readonly Range[], numbers: readonly bigint[]): readonly Range[] {
  return numbers.reduce<readonly Range[]>(
    (left, number) =>
      left.flatMap(([first, last]) => {
        if (number < first || number > last) return [[first, last] as const];
        const parts: readonly Range[] = [
          [first, number - 1n],
          [number + 1n, last],
        ];
        return parts.filter(([from, to]) => from <= to);
      }),
    ranges,
  );
}

/** First what differs alike on several architectures, then which calls differ alike. */
function together(found: readonly Found[]): readonly Difference[] {
  const likeness = (...words: readonly unknown[]) =>
    JSON.stringify(words, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part));
  const calls = Map.groupBy(found, ({ name, numbers, conditions, values }) =>
    likeness(name, numbers, conditions, values),
  );
  const ofCalls = [...calls.values()].map((all) => ({ all, machines: all.map(({ machine }) => machine) }));
  const alike = Map.groupBy(ofCalls, ({ machines, all: [first] }) =>
    likeness(
      machines.map(({ name }) => name),
      first?.conditions,
      first?.values,
    ),
  );
  return [...alike.values()].flatMap((group) => {
    const [{ machines, all: [first] = [] } = { machines: [] }] = group;
    if (first === undefined) return [];
    const { conditions, values } = first;
    const each = group.flatMap(({ all: [one] }) => (one === undefined ? [] : [one]));
    const names = each.flatMap(({ name }) => name ?? []).sort();
    return [
      {
        machines,
        conditions,
        values,
        names,
        numbers: each.flatMap(({ numbers }) => numbers),
        examples: group.flatMap(({ all }) => all.flatMap(({ examples }) => examples)),
      },
    ];
  });
}
