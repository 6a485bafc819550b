import { isAllowed, verdictWords } from "./verdict.ts";

/** Something in a profile that does not do what it seems to. */
export interface Finding {
  /** The path of the property that it is about. */
  readonly place: string;
  readonly problem: string;
}

/** What is wrong with a rule for one of its names. */
export interface OfRule {
  readonly index: number;
  readonly place: string;
  readonly name: string;
  readonly problem: string;
}

/** Findings that differ in the name alone, as one. */
export function grouped(found: readonly OfRule[]): readonly Finding[] {
  const groups = Map.groupBy(found, ({ place, problem }) => `${place} ${problem}`);
  return [...groups.values()].flatMap((all) => {
    const [first] = all;
    if (first === undefined) return [];
    return [{ place: first.place, problem: `${first.problem}: ${all.map(({ name }) => name).join(", ")}` }];
  });
}

/** `allowed`, `answered with EPERM`. */
export const outcomeWords = (value: number) =>
  isAllowed(value) ? "allowed" : `answered with ${verdictWords(value)}`;
