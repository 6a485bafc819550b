/** What `--debug` tells of an agent's steps. Loaded for it alone. */
import type { Mailbox, Ran } from "../../agent/mailbox.ts";
import type { Step } from "../../agent/program.ts";
import { errnoName } from "../../kernel/errno.ts";
import { spell } from "../../kernel/spell/spell.ts";

/** Records an agent's steps from now on; the result reports them, those of a failure too. */
export function trace(debug: (line: string) => void, notes: readonly string[], agent: Mailbox): () => void {
  agent.traced = true;
  return () => {
    for (const line of [...notes, ...traceOf([...agent.ran()])]) debug(line);
  };
}

/** One line a step that ran: microseconds since the first, the call, its result. */
export function traceOf(ran: readonly Ran[]): readonly string[] {
  const [{ started: zero } = { started: 0 }] = ran;
  return ran.map(({ index, step, started, result }) => {
    const time = (started - zero).toFixed(0).padStart(7);
    return `${time} µs  $${index} ${spell(step.call)} = ${resultOf(step, result)}  # ${step.owner}`;
  });
}

/** `5`, `EEXIST (tolerated)`, `EPERM`. */
function resultOf({ tolerate }: Step, result: number): string {
  if (result >= 0) return String(result);
  const isTolerated = tolerate === "all" || tolerate.includes(-result);
  return `${errnoName(-result)}${isTolerated ? " (tolerated)" : ""}`;
}
