import type { Contender, Measure, Samples } from "./samples.ts";
import { CommandFailed } from "./stopwatch.ts";

export interface Measurement {
  readonly measure: Measure;
  readonly value: number;
}

/** What one contender does once a round. */
export interface Turn {
  readonly contender: Contender;
  /** `id` is a container id that is used in this turn of this round alone. */
  take(id: string): Promise<readonly Measurement[]>;
}

/**
 * Gives every turn once a round, so that what else happens on the machine hits all alike. Each round has a new
 * order: the kernel still clears away the last turn's namespaces while the next one runs. The first round is for
 * the caches and doesn't count, unless `warm` says that they are. A turn that fails is not given again. Returns
 * the failures.
 */
export async function giveRounds(
  samples: Samples,
  turns: readonly Turn[],
  { rounds, token, warm = false }: { rounds: number; token: string; warm?: boolean },
): Promise<ReadonlyMap<Turn, string>> {
  const failures = new Map<Turn, string>();
  for (let round = warm ? 1 : 0; round <= rounds; round++) {
    for (const turn of shuffled(turns.filter((one) => !failures.has(one)))) {
      serial += 1;
      try {
        const measured = await turn.take(`bench-${serial}-${token}`);
        if (round > 0) for (const { measure, value } of measured) samples.add(measure, turn.contender, value);
      } catch (error) {
        if (!(error instanceof CommandFailed)) throw error;
        failures.set(turn, error.message);
      }
    }
  }
  return failures;
}

let serial = 0;

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
