import type { Mailbox } from "../agent/mailbox.ts";

/** Records an agent's steps from now on; the result reports them, those of a failure too. */
export function trace(debug: (line: string) => void, notes: readonly string[], agent: Mailbox): () => void {
  agent.traced = true;
  return () => {
    for (const line of [...notes, ...agent.trace()]) debug(line);
  };
}
