/** Rules that change nothing. */
import { UserError } from "../../../kernel/user-error.ts";
import type { Node } from "./diagram.ts";
import { Filter, MACHINES, type Machine } from "./filter.ts";
import { type OfRule, outcomeWords } from "./finding.ts";
import type { Profile } from "./profile.ts";
import { decidedBy, multiplexer, type Rule, rulesAbout } from "./rules.ts";

/** Rules about a call without which the filter would be the same. */
export function idleRules(filter: Filter, name: string): readonly OfRule[] {
  const [machine] = MACHINES;
  const number = filter.numberOf(machine, name);
  if (number === null) return [];
  const { diagrams } = filter;
  const outcome = filter.outcome(machine, number);
  const rules = rulesAbout(filter, machine, name);
  const idle = redundant(filter, name, rules);
  return rules.flatMap((rule) => {
    const told = (problem: string) => [{ index: rule.index, place: rule.place, name, problem }];
    if (rule.region === diagrams.no) return told("can never hold, as its conditions contradict each other");
    const lost = diagrams.and(rule.region, diagrams.not(diagrams.where(outcome, rule.value)));
    const wins = diagrams.and(rule.region, diagrams.where(outcome, rule.value));
    const by = lost === diagrams.no ? "" : winner(filter, machine, name, number, lost, outcome);
    if (rule.isDefault)
      return told(
        `is left out, as its action is the default one${by === "" ? "" : `, and other calls than it says are ${by}`}`,
      );
    if (wins === diagrams.no) return told(`is never reached: what it is about is ${by}`);
    return idle.has(rule)
      ? told(`adds nothing: without it, the filter is the same (${others(rules, rule)})`)
      : [];
  });
}

/** What happens in a region in place of what a rule says, and by which rule. */
function winner(
  filter: Filter,
  machine: Machine,
  name: string,
  number: number,
  lost: Node,
  outcome: Node,
): string {
  const { diagrams } = filter;
  const values = diagrams.parts(
    diagrams.choose(lost, outcome, diagrams.leaf(NOWHERE)),
    Number.POSITIVE_INFINITY,
  );
  const [value = 0] = values.flatMap((one) => diagrams.value(one) ?? []).filter((one) => one !== NOWHERE);
  const region = diagrams.and(lost, diagrams.where(outcome, value));
  const call = { names: [name], number, isOpen: true };
  return `${outcomeWords(value)} by ${decidedBy(filter, machine, call, { region, value }).replace(/;.*/, "")}`;
}

/** No filter returns it. */
const NOWHERE = -1;

const others = (rules: readonly Rule[], rule: Rule) =>
  rules
    .filter((one) => one !== rule && one.value === rule.value)
    .map(({ place }) => place)
    .join(", ");

/** Which of a call's rules can be taken away, the last first, and the filter is the same on every architecture. */
function redundant(filter: Filter, name: string, rules: readonly Rule[]): ReadonlySet<Rule> {
  const idle = new Set<Rule>();
  const own = rules.filter(({ isDefault }) => !isDefault);
  if (own.length < 2) return idle;
  const whole = outcomesWithout(filter, name, idle);
  for (const rule of [...own].reverse()) {
    const fewer = new Set([...idle, rule]);
    if (whole !== null && outcomesWithout(filter, name, fewer) === whole) idle.add(rule);
  }
  return idle;
}

/**
 * What a filter without these rules would return for a call, and for what multiplexes it, by architecture; null where
 * libseccomp can't make it.
 */
function outcomesWithout(filter: Filter, name: string, gone: ReadonlySet<Rule>): string | null {
  const { profile, diagrams } = filter;
  const names = [name, multiplexer(name)?.call ?? name];
  const indices = new Set([...gone].map(({ index }) => index));
  const syscalls = (profile.seccomp?.syscalls ?? []).flatMap((entry, index) => {
    const left = entry.names.filter((one) => names.includes(one) && !(one === name && indices.has(index)));
    return left.length === 0 ? [] : [{ ...entry, names: left }];
  });
  const small: Profile = { ...profile, seccomp: profile.seccomp && { ...profile.seccomp, syscalls } };
  try {
    using one = new Filter(small, diagrams);
    const outcomes = MACHINES.flatMap((machine) =>
      names.map((each) => {
        const number = one.numberOf(machine, each);
        return number === null ? null : one.outcome(machine, number);
      }),
    );
    return outcomes.join();
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
