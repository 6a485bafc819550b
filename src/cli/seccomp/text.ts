/** What `tsrun seccomp` prints, for people and as JSON. */

import { errnoName } from "../../kernel/errno.ts";
import { spellArgument } from "../../kernel/spell/argument.ts";
import type { Answer } from "../../linux/seccomp/answers/ask.ts";
import type { Condition, Cube } from "../../linux/seccomp/answers/cases.ts";
import { bracketed } from "../../linux/seccomp/answers/rules.ts";
import { actionOf, dataOf, verdictWords } from "../../linux/seccomp/answers/verdict.ts";
import { oneLine } from "../output/log.ts";
import { table } from "../output/output.ts";

/** `arg0 != AF_VSOCK and arg2 is 0 to 5`. */
export function conditionWords(name: string, conditions: readonly Condition[]): string {
  return conditions.map((one) => valuesWords(name, one)).join(" and ");
}

function valuesWords(name: string, { argument, values }: Condition): string {
  const arg = `arg${argument}`;
  const spelled = (value: bigint) => spellArgument(name, argument, value);
  switch (values.form) {
    case "these":
      return `${arg} == ${values.values.map(spelled).join(" or ")}`;
    case "all but":
      return values.values.map((value) => `${arg} != ${spelled(value)}`).join(" and ");
    case "ranges":
      return `${arg} is ${values.ranges.map(([first, last]) => rangeWords(first, last, spelled)).join(" or ")}`;
    case "many":
      return `${arg} is one of many values`;
    case "masked":
      return values.cubes.map((cube) => cubeWords(arg, cube, "==", spelled)).join(" or ");
    case "not masked":
      return values.cubes.map((cube) => cubeWords(arg, cube, "!=", spelled)).join(" and ");
  }
}

const TOP = [0xffff_ffffn, 0xffff_ffff_ffff_ffffn];

function rangeWords(first: bigint, last: bigint, spelled: (value: bigint) => string): string {
  if (first === last) return spelled(first);
  return TOP.includes(last) ? `${spelled(first)} or more` : `${spelled(first)} to ${spelled(last)}`;
}

function cubeWords(arg: string, { mask, value }: Cube, sign: string, spelled: (value: bigint) => string) {
  const masked = `${arg} & ${bracketed(spelled(mask))}`;
  return `${masked} ${sign} ${value === 0n ? 0 : bracketed(spelled(value))}`;
}

/** A block for each call: its verdicts, the architectures, and why; then the ways round it. */
export function answersTable(asked: readonly string[], answers: readonly Answer[]): string {
  const rows = answers.map((one) => [`  ${verdictWords(one.value)}`, machinesOf(one), oneLine(reason(one))]);
  const lines = table(rows).split("\n");
  return asked
    .map((call) => {
      const own = lines.splice(0, answers.filter((one) => one.asked === call).length);
      return `${oneLine(call)}\n${own.join("\n") || "  a call of other machines"}\n`;
    })
    .join("\n");
}

function reason({ name, conditions, wayRound, asked, call, rule }: Answer): string {
  const way = wayRound === null ? [] : [call === asked ? wayRound : `${call}, ${wayRound}`];
  const when = conditions.length === 0 ? [] : [`if ${conditionWords(name, conditions)}`];
  return [...way, ...when, rule].join(": ");
}

const machinesOf = ({ examples }: Answer) => examples.map(({ machine }) => machine).join(", ");

/** Bigints as JSON has them: in hexadecimal. */
export const plain = (_: string, value: unknown) =>
  typeof value === "bigint" ? `0x${value.toString(16)}` : value;

export function answersJson(answers: readonly Answer[], summary: string): string {
  const calls = answers.map(({ name, conditions, value, rule, asked, call, wayRound, examples }) => ({
    asked,
    call,
    ...(wayRound === null ? {} : { wayRound }),
    ...(conditions.length === 0 ? {} : { if: conditionWords(name, conditions) }),
    action: actionOf(value),
    ...(actionOf(value) === "errno" ? { errno: errnoName(dataOf(value)) } : {}),
    rule,
    architectures: examples.map(({ machine }) => machine),
    examples: examples.map(({ machine, ...example }) => ({ architecture: machine, ...example })),
  }));
  return `${JSON.stringify({ summary, calls }, plain, 2)}\n`;
}
