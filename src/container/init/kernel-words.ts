import type { Mailbox } from "../../agent/mailbox.ts";
import type { StepResult } from "../../kernel/call.ts";
import { read } from "../../kernel/calls.ts";

/** The kernel keeps the last messages of a file system context: some eight at most (fsopen(2)). */
const MESSAGES = 8;
const MESSAGE_SIZE = 256;

/**
 * Has the agent read the kernel's own message about a failed step that makes a file system: the agent still has the
 * context open, and reading it gives lines such as `e tmpfs: Bad value for 'size'`. Returns what gives the message, once
 * the agent has been waited for; an empty one when there is none.
 */
export function askKernel(agent: Mailbox, step: number): () => string {
  const { program } = agent;
  const { name, args: [context] = [] } = program.steps[step]?.call ?? {};
  const isContext = name === "fsconfig" || name === "fsmount";
  if (!isContext || typeof context !== "object" || !("step" in context)) return () => "";
  const readings = Array.from({ length: MESSAGES }, () =>
    program.add(read(context, { room: MESSAGE_SIZE }), "all"),
  );
  agent.post();
  agent.goOn(readings[0]?.step ?? 0);
  return () => messages(agent, readings);
}

function messages(agent: Mailbox, readings: readonly StepResult[]): string {
  return readings
    .filter((reading) => agent.result(reading) > 0)
    .map((reading) => new TextDecoder().decode(agent.filled(reading).subarray(0, agent.result(reading))))
    .filter((message) => message.startsWith("e "))
    .map((message) => message.slice(2).trim())
    .join("; ");
}
