/**
 * What `--debug` prints: the calls of tsrun that change something and the steps of the agents, in the order in which
 * they began, with the time that each took, and where one waited for the other. Loaded only for `--debug`.
 */
import type { Step } from "../../agent/program.ts";
import { errnoName } from "../../kernel/errno.ts";
import { type Deed, isChange, listed, spellAt, stepText } from "./listing.ts";
import { type Followed, now, type OwnCall, type Recorder, ranIn, recorded, roleOf } from "./recorder.ts";

/** An action with its times in microseconds, if it was traced. */
interface Timed extends Deed {
  readonly at: number | null;
  readonly took: number | null;
  readonly waits: boolean;
}

/** Runs something and prints what tsrun and the agents have done, even if it fails. */
export function traced<T>(debug: (line: string) => void, act: () => Promise<T>): Promise<T> {
  const done = (recorder: Recorder) => {
    for (const line of lines(recorder)) debug(line);
  };
  return recorded({ done }, act);
}

/** All that was recorded. Steps that have not run yet are listed as laid out for later, unless something failed. */
function* lines(recorder: Recorder): Generator<string> {
  const { calls, followed, failure, began, ended } = recorder;
  const own = calls.filter(({ call, waits }) => waits || isChange(call)).map(ownDeed);
  const all = [...own, ...followed.flatMap((one) => stepsOf(one, failure === null))];
  const timed = all.filter(({ at }) => at !== null).sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
  const later = all.filter(({ at }) => at === null);
  const line = (deed: Timed): Deed => ({ ...deed, text: `${columns(deed, began)}  ${deed.text}` });
  yield* listed([...timed, ...later].map(line));
  yield summary(all, (ended ?? now()) - began);
}

function ownDeed({ call, path, owner, at, took, result, waits }: OwnCall): Timed {
  const text = waits ? "waits for the agents" : `${spellAt(call, path)} = ${resultText(result)}`;
  return { by: "tsrun", owner, at, took, waits, text };
}

function columns({ at, took }: Timed, began: number): string {
  const column = (time: number | null) => (time === null ? "" : `${time.toFixed(0)} µs`).padStart(10);
  return `${column(at === null ? null : at - began)} ${column(took)}`;
}

/** `# 9120 µs: tsrun worked 5210 µs, waited 3910 µs; init worked …` */
function summary(all: readonly Timed[], total: number): string {
  const sum = (by: string, waits: boolean) =>
    all.reduce((time, deed) => time + (deed.by === by && deed.waits === waits ? (deed.took ?? 0) : 0), 0);
  const words = [...new Set(all.map(({ by }) => by))].map((by) => {
    const waited = sum(by, true);
    const worked = by === "tsrun" ? total - waited : sum(by, false);
    return `${by} worked ${worked.toFixed(0)} µs, waited ${waited.toFixed(0)} µs`;
  });
  return `# ${total.toFixed(0)} µs: ${words.join("; ")}`;
}

/** The steps of an agent, and its waits between them. */
function stepsOf(followed: Followed, isDone: boolean): readonly Timed[] {
  const by = roleOf(followed);
  const first = followed.after?.program.steps.length ?? 0;
  const deeds: Timed[] = [];
  for (const { index, step, started, ended, rested, result } of ranIn(followed)) {
    const deed = { by, owner: step.owner, waits: false };
    if (started > 0) {
      if (rested !== null) deeds.push(rest(deed, rested, started));
      const text = `${stepText(first + index, step)} = ${ended < started ? "?" : stepResult(step, result)}`;
      deeds.push({ ...deed, at: started, took: ended < started ? null : ended - started, text });
    } else if (isDone) deeds.push({ ...deed, at: null, took: null, text: stepText(first + index, step) });
  }
  return deeds;
}

const rest = (deed: Omit<Timed, "at" | "took" | "text">, since: number, until: number): Timed => ({
  ...deed,
  at: since,
  took: until - since,
  text: "waits for tsrun",
  waits: true,
});

export const resultText = (result: number) => (result >= 0 ? String(result) : errnoName(-result));

export const isTolerated = ({ tolerate }: Step, result: number) =>
  result < 0 && (tolerate === "all" || tolerate.includes(-result));

/** `5`, `EEXIST (tolerated)`, `EPERM`. */
export const stepResult = (step: Step, result: number) =>
  `${resultText(result)}${isTolerated(step, result) ? " (tolerated)" : ""}`;
