/** Conditions on arguments that say less than they seem to. */
import { HALF_ARGUMENTS } from "../../../kernel/register-arguments.ts";
import type { Diagrams, Node } from "./diagram.ts";
import { type Filter, MACHINES } from "./filter.ts";
import { type Finding, outcomeWords } from "./finding.ts";
import { argumentBits } from "./outcomes.ts";
import { argsWords, multiplexer, rulesAbout } from "./rules.ts";
import { isAllowed, isDeferred } from "./verdict.ts";

/** What is wrong with the conditions of rules about a call. */
export const conditionsOf = (filter: Filter, name: string): readonly Finding[] => [
  ...undoing(filter, name),
  ...halves(filter, name),
  ...unseen(filter, name),
];

/** Conditions of which one always holds, such as two "not equal". */
function undoing(filter: Filter, name: string): readonly Finding[] {
  const [machine] = MACHINES;
  const number = filter.numberOf(machine, name);
  const rules = rulesAbout(filter, machine, name).filter(({ isDefault }) => !isDefault);
  const value = number === null ? null : filter.diagrams.value(filter.outcome(machine, number));
  const own = rules.filter((rule) => rule.value === value);
  const areConditional = own.every(({ entry: { args = [] } }) => args.length > 0);
  if (value === null || own.length === 0 || !areConditional) return [];
  const words = own.map(({ entry: { args = [] } }) => argsWords(name, args)).join(" or ");
  return [
    {
      place: own.map(({ place }) => place).join(", "),
      problem: `conditions undo each other, for this always holds: ${words}. Every ${name} is ${outcomeWords(value)}`,
    },
  ];
}

/** Conditions that other upper bits than 0 get past, in arguments of which the kernel takes the lower half. */
function halves(filter: Filter, name: string): readonly Finding[] {
  const [machine] = MACHINES;
  const number = filter.numberOf(machine, name);
  const rules = rulesAbout(filter, machine, name);
  if (number === null) return [];
  const { diagrams } = filter;
  const outcome = filter.outcome(machine, number);
  return (HALF_ARGUMENTS[name] ?? []).flatMap((index) => {
    const about = rules.filter(({ entry: { args = [] } }) => args.some((one) => one.index === index));
    const upper = argumentBits(index, machine.width).slice(0, machine.width / 2);
    const denied = diagrams.combine([cleared(diagrams, outcome, upper)], (value) =>
      isClosed(value) ? 1 : 0,
    );
    const passes = somewhere(
      diagrams,
      diagrams.combine([outcome], (value) => (isAllowed(value) ? 1 : 0)),
      upper,
    );
    if (diagrams.and(denied, passes) === diagrams.no) return [];
    const problem = `${name} is denied by arg${index}, but the filter compares 64 bits and the kernel takes 32: with 1<<32 added to it, the call is allowed`;
    return [{ place: about.map(({ place }) => place).join(", "), problem }];
  });
}

const isClosed = (value: number) => !isAllowed(value) && !isDeferred(value);

const cleared = (diagrams: Diagrams, node: Node, bits: readonly number[]) =>
  diagrams.given(node, (variable) => (bits.includes(variable) ? false : null));

/** Where a condition holds for some value of these bits. */
function somewhere(diagrams: Diagrams, condition: Node, bits: readonly number[]): Node {
  return bits.reduce((node, bit) => {
    const [low, high] = [false, true].map((value) =>
      diagrams.given(node, (variable) => (variable === bit ? value : null)),
    );
    return diagrams.or(low ?? node, high ?? node);
  }, condition);
}

/** Conditions on a call that i386 also makes by another one, whose arguments are elsewhere. */
function unseen(filter: Filter, name: string): readonly Finding[] {
  const other = multiplexer(name);
  return MACHINES.flatMap((machine) => {
    const [number, direct] = [other?.call ?? "", name].map((call) => filter.numberOf(machine, call));
    if (!other || typeof number !== "number" || typeof direct !== "number") return [];
    const rules = rulesAbout(filter, machine, name).filter(({ entry: { args = [] } }) => args.length > 0);
    const { diagrams } = filter;
    const first = argumentBits(0, 64);
    const there = diagrams.value(
      diagrams.given(filter.outcome(machine, number), (variable) =>
        first.includes(variable)
          ? ((BigInt(other.first) >> BigInt(63 - first.indexOf(variable))) & 1n) === 1n
          : null,
      ),
    );
    const isSeen = there === null || diagrams.value(filter.outcome(machine, direct)) !== null;
    if (isSeen || rules.length === 0) return [];
    const problem = `of ${name}'s arguments nothing is seen in ${other.call}(2), by which ${machine.name}'s programs may call it: there every one is ${outcomeWords(there)}`;
    return [{ place: [...new Set(rules.map(({ place }) => place))].join(", "), problem }];
  });
}
