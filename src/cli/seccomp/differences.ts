/** What `tsrun seccomp --diff` prints. */
import { errnoName } from "../../kernel/errno.ts";
import type { Range } from "../../linux/seccomp/answers/cases.ts";
import { type Difference, LAST_NUMBER } from "../../linux/seccomp/answers/diff.ts";
import { actionOf, dataOf, isAllowed, verdictWords } from "../../linux/seccomp/answers/verdict.ts";
import { fill } from "../output/fill.ts";
import { oneLine } from "../output/log.ts";
import { conditionWords, plain } from "./text.ts";

const WIDTH = 110;

/** Whether one of two filters allows what the other doesn't; else both deny it, or both allow it. */
export const isAboutAllowing = ({ values: [one, other] }: Difference) => isAllowed(one) !== isAllowed(other);

/** A paragraph for what each of the two allows alone, and one for what both deny in different ways. */
export function differencesTable(names: readonly [string, string], found: readonly Difference[]): string {
  const [one, other] = names.map(oneLine);
  const allowing = found.filter(isAboutAllowing);
  const parts = [
    section(
      `${one} alone allows`,
      allowing.filter(({ values }) => isAllowed(values[0])),
      ([, value]) => `${other}: ${verdictWords(value)}`,
    ),
    section(
      `${other} alone allows`,
      allowing.filter(({ values }) => isAllowed(values[1])),
      ([value]) => `${one}: ${verdictWords(value)}`,
    ),
    section(
      "both allow or both deny, but in different ways",
      found.filter((difference) => !isAboutAllowing(difference)),
      (values) => values.map(verdictWords).join(" and "),
    ),
  ];
  const conclusion = allowing.length === 0 ? "Both allow the same.\n" : "";
  return [...parts, conclusion].filter((part) => part !== "").join("\n");
}

function section(
  title: string,
  found: readonly Difference[],
  verdict: (values: Difference["values"]) => string,
): string {
  if (found.length === 0) return "";
  const lines = found.flatMap((difference) => {
    const machines = difference.machines.map(({ name }) => name).join(", ");
    const when = difference.conditions.length === 0 ? "" : ` if ${conditionsOf(difference)}`;
    const calls = [...difference.names, ...numbersOf(difference)].join(", ");
    return [
      `  ${machines} (${verdict(difference.values)})${when}`,
      ...fill(calls, WIDTH - 4).map((line) => `    ${line}`),
    ];
  });
  return `${title}:\n${lines.join("\n")}\n`;
}

const conditionsOf = ({ names: [name = ""], conditions }: Difference) => conditionWords(name, conditions);

/** `451, 463 to 511, 513 and above` */
function numbersOf({ numbers }: Difference): readonly string[] {
  const range = ([first, last]: Range) => {
    if (first === last) return `${first}`;
    return last === LAST_NUMBER ? `${first} and above` : `${first} to ${last}`;
  };
  return numbers.map((one, index) => `${index === 0 ? "number " : ""}${range(one)}`);
}

export function differencesJson(found: readonly Difference[]): string {
  const verdict = (value: number) => ({
    action: actionOf(value),
    ...(actionOf(value) === "errno" ? { errno: errnoName(dataOf(value)) } : {}),
  });
  const differences = found.map((difference) => ({
    calls: difference.names,
    ...(difference.numbers.length === 0 ? {} : { numbers: difference.numbers }),
    architectures: difference.machines.map(({ name }) => name),
    ...(difference.conditions.length === 0 ? {} : { if: conditionsOf(difference) }),
    one: verdict(difference.values[0]),
    other: verdict(difference.values[1]),
    examples: difference.examples.map(({ machine, ...call }) => ({ architecture: machine, ...call })),
  }));
  return `${JSON.stringify({ same: !found.some(isAboutAllowing), differences }, plain, 2)}\n`;
}
