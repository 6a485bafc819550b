/** What a filter does about a call, on each architecture that this machine can make it on, and which rule says so. */
import { nearest } from "../../../../runtime-spec/nearest.ts";
import { HALF_ARGUMENTS } from "../../../kernel/register-arguments.ts";
import { UserError } from "../../../kernel/user-error.ts";
import type { AskedCall } from "./asked-call.ts";
import { type Case, type Condition, casesOf } from "./cases.ts";
import type { Diagrams, Node } from "./diagram.ts";
import { type Example, exampleOf } from "./example.ts";
import { type Filter, MACHINES, type Machine, plainNumber, widthOf } from "./filter.ts";
import { argumentBits, argumentStart, comparison } from "./outcomes.ts";
import { decidedBy, multiplexer } from "./rules.ts";
import { isAllowed, isDeferred } from "./verdict.ts";
import { waysRound } from "./ways-round.ts";

export interface Answer {
  /** `socket(AF_ALG)`: the question. */
  readonly asked: string;
  /** The call that this is about, mostly the same. */
  readonly call: string;
  /** Its name alone. */
  readonly name: string;
  /** Where it is not the call that was asked about: why it is told. */
  readonly wayRound: string | null;
  /** What of the arguments that the question leaves open it holds for. */
  readonly conditions: readonly Condition[];
  /** What the filter returns. */
  readonly value: number;
  readonly rule: string;
  /** A call of each architecture that it is true of, for which the kernel must do this. */
  readonly examples: readonly Example[];
}

type Part = Omit<Answer, "asked">;

type Args = readonly (bigint | null)[];

/** None for a call of other machines. @throws UserError where nobody knows it */
export function answersTo(filter: Filter, asked: AskedCall): readonly Answer[] {
  const found = MACHINES.flatMap((machine) => {
    const call = callOn(filter, machine, asked.call);
    return call === null ? [] : answersOn(filter, machine, asked, call);
  });
  const isElsewhere = typeof asked.call === "string" && filter.knows(asked.call);
  if (found.length === 0 && !isElsewhere)
    throw new UserError(JSON.stringify(asked.text), unknown(filter, asked));
  return merged(asked.text, found);
}

function unknown({ profile }: Filter, { call }: AskedCall): string {
  if (typeof call === "number") return "no architecture of this machine has a call of that number";
  const names = (profile.seccomp?.syscalls ?? []).flatMap((entry) => entry.names);
  const meant = nearest(call, [...new Set(names)]);
  const guess = meant === undefined ? "" : ` (did you mean ${meant}?)`;
  return `this machine's libseccomp knows no system call ${call}${guess}: for a newer one write its number`;
}

/** A call on an architecture. */
interface Located {
  readonly names: readonly string[];
  readonly number: number;
}

function callOn(filter: Filter, machine: Machine, call: string | number): Located | null {
  if (typeof call === "string") {
    const number = filter.numberOf(machine, call);
    return number === null ? null : { names: [call], number };
  }
  const isX32 = plainNumber(call) !== call;
  const hasIt = isX32 ? machine.name === "x32" : machine.isNative;
  return hasIt ? { names: filter.namesOf(machine, call), number: call } : null;
}

/** A question about a call there. */
interface Question extends Located {
  readonly text: string;
  readonly args: Args;
  readonly wayRound: string | null;
}

function answersOn(filter: Filter, machine: Machine, asked: AskedCall, call: Located): readonly Part[] {
  const question = { ...call, text: asked.text, args: asked.args, wayRound: null };
  const own = rows(filter, machine, question);
  const [name = ""] = call.names;
  const multiple = multiplexed(filter, machine, name);
  if (own.every(({ value }) => isAllowed(value))) return [...own, ...multiple];
  const others = [...upperHalves(filter, machine, question), ...otherCalls(filter, machine, question)];
  return [...own, ...multiple, ...others.filter(({ value }) => isAllowed(value))];
}

/** The case, or cases, of a question. */
function rows(filter: Filter, machine: Machine, question: Question): readonly Part[] {
  const { diagrams } = filter;
  const asked = argumentsAre(diagrams, machine, question.args);
  const outcome = filter.outcome(machine, question.number);
  // Bits that are known are taken out of it, so that the cases don't speak of them.
  const open = diagrams.given(outcome, (variable) => knownBit(question.args, machine, variable));
  const width = widthOf(filter.diagrams, machine, open);
  return casesOf(diagrams, open, width).map((one) => answer(filter, machine, question, one, asked));
}

function answer(
  filter: Filter,
  machine: Machine,
  { text, names, number, wayRound }: Question,
  { conditions, value, region }: Case,
  asked: Node,
): Part {
  const where = filter.diagrams.and(region, asked);
  return {
    ...{ call: text, name: names[0] ?? "", wayRound, conditions, value },
    rule: decidedBy(
      filter,
      machine,
      { names, number, isOpen: conditions.length > 0 },
      { region: where, value },
    ),
    examples: [exampleOf(filter.diagrams, machine, number, where)],
  };
}

/** On i386: the call that does this one among others. */
function multiplexed(filter: Filter, machine: Machine, name: string): readonly Part[] {
  const other = multiplexer(name);
  const number = other === null ? null : filter.numberOf(machine, other.call);
  if (other === null || number === null) return [];
  const text = `${other.call}(${other.call === "ipc" ? "" : "SYS_"}${name.toUpperCase()})`;
  const wayRound = "which does the same";
  return rows(filter, machine, {
    ...{ names: [other.call, name], number, text, wayRound },
    args: [BigInt(other.first)],
  });
}

/** The same call with other bits where the kernel does not look, in arguments that it takes as 32 bits. */
function upperHalves(filter: Filter, machine: Machine, question: Question): readonly Part[] {
  const { diagrams } = filter;
  const halves = (HALF_ARGUMENTS[question.names[0] ?? ""] ?? []).filter(
    (index) => typeof question.args[index] === "bigint",
  );
  if (machine.width === 32) return [];
  return halves.flatMap((index) => {
    const upper = argumentBits(index, machine.width).slice(0, machine.width / 2);
    const isUpper = (variable: number) => upper.includes(variable);
    const open = diagrams.given(filter.outcome(machine, question.number), (variable) =>
      isUpper(variable) ? null : knownBit(question.args, machine, variable),
    );
    const value = question.args[index] ?? 0n;
    const bits = argumentBits(index, machine.width);
    const others = question.args.map((one, at) => (at === index ? null : one));
    const kept = diagrams.and(
      argumentsAre(diagrams, machine, others),
      comparison(diagrams, bits.slice(upper.length), "equal", LOWER, value & LOWER),
      diagrams.not(comparison(diagrams, upper, "equal", LOWER, value >> BigInt(upper.length))),
    );
    return casesOf(diagrams, open, machine.width)
      .filter(({ region }) => diagrams.and(region, kept) !== diagrams.no)
      .map((one) =>
        answer(
          filter,
          machine,
          { ...question, wayRound: upperHalf(index) },
          { ...one, conditions: [] },
          kept,
        ),
      );
  });
}

const LOWER = 0xffff_ffffn;
const upperHalf = (index: number) => `with other upper bits of arg${index}, which the kernel ignores`;

function otherCalls(filter: Filter, machine: Machine, question: Question): readonly Part[] {
  const list = question.text.includes("(") ? question.text.slice(question.text.indexOf("(")) : "";
  return waysRound(question.names[0] ?? "", question.args).flatMap(({ call, args, why }) => {
    const there = callOn(filter, machine, call);
    if (there === null) return [];
    return rows(filter, machine, {
      ...there,
      text: args.length > 0 ? `${call}${list}` : call,
      args,
      wayRound: why,
    });
  });
}

/** Where arguments are what the question says. */
function argumentsAre(diagrams: Diagrams, { width }: Machine, args: Args): Node {
  const full = (1n << BigInt(width)) - 1n;
  return diagrams.and(
    ...args.flatMap((value, index) =>
      value === null ? [] : [comparison(diagrams, argumentBits(index, width), "equal", full, value & full)],
    ),
  );
}

/** A bit of an argument that the question tells; null for others. */
function knownBit(args: Args, { width }: Machine, variable: number): boolean | null {
  for (const [index, value] of args.entries()) {
    const position = argumentStart(index + 1) - 1 - variable;
    if (value === null || position < 0 || position >= width) continue;
    return ((value >> BigInt(position)) & 1n) === 1n;
  }
  return null;
}

/** Answers that differ in nothing but the architecture, as one. */
function merged(asked: string, answers: readonly Part[]): readonly Answer[] {
  const groups = Map.groupBy(answers, ({ call, wayRound, conditions, value, rule }) =>
    JSON.stringify([call, wayRound, conditions, value, rule], (_, part: unknown) =>
      typeof part === "bigint" ? String(part) : part,
    ),
  );
  const all = [...groups.values()].flatMap(([first, ...rest]) =>
    first === undefined
      ? []
      : [{ ...first, asked, examples: [first, ...rest].flatMap(({ examples }) => examples) }],
  );
  return [
    ...all.filter(({ wayRound }) => wayRound === null),
    ...all.filter(({ wayRound }) => wayRound !== null),
  ];
}

/** Whether calls are allowed: all of them, none of them in any way that was found, or some. */
export function summaryOf(answers: readonly Answer[]): "allowed" | "denied" | "it depends" {
  if (answers.length > 0 && answers.every(({ value, wayRound }) => wayRound !== null || isAllowed(value)))
    return "allowed";
  return answers.some(({ value }) => isAllowed(value) || isDeferred(value)) ? "it depends" : "denied";
}
