/** Step 9 of init-program.ts: an agent becomes a program. */
import type { State } from "../../../runtime-spec/state.ts";
import type { Caller } from "../../agent/caller.ts";
import type { Mailbox } from "../../agent/mailbox.ts";
import { closeFrom, execve } from "../../kernel/calls.ts";
import { CLOSE_RANGE_CLOEXEC, FIRST_FD } from "../../kernel/constants.ts";
import { beginSpan } from "../../kernel/span.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { Annotations } from "../../linux/landlock/annotation.ts";
import { withoutDoubles } from "../../linux/process/environment.ts";
import type { SeccompFilter } from "../../linux/seccomp/filter.ts";
import { sendListener } from "../../linux/seccomp/listener.ts";
import { loadFilter } from "../../linux/seccomp/load.ts";
import type { Agent } from "./agent.ts";
import { runInit } from "./run-init.ts";

/** What an agent becomes. */
export interface Execution {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly preservedFds: number;
  readonly filter: SeccompFilter | null;
  /** Of a container whose processes they may confine. */
  readonly annotations?: Annotations;
}

/**
 * Lays out an execution in an agent's mailbox without running it. Returns the range of its steps. For a container
 * `start` posts them, perhaps from another tsrun.
 */
export function layOutExecution(
  agent: Mailbox,
  { path, args, env, preservedFds, filter }: Execution,
  owner = "process.args[0]",
) {
  const { program } = agent;
  if (!filter?.listener) {
    program.by(owner).add(closeFrom(FIRST_FD + preservedFds, CLOSE_RANGE_CLOEXEC));
    if (filter !== null) loadFilter(agent, filter);
  }
  program.by(owner).add(execve(path, args, withoutDoubles(env)));
  return agent.prepare();
}

/**
 * Loads a filter that has a listener, and sends the listener: tsrun can fetch it only between two programs of the
 * agent. From here on the agent's own waits are subject to the filter.
 */
export async function loadListened(
  caller: Caller,
  agent: Mailbox,
  pid: number,
  filter: SeccompFilter | null,
  state: State,
): Promise<void> {
  if (!filter?.listener) return;
  const loaded = loadFilter(agent, filter);
  await runInit(caller, agent, pid);
  sendListener(filter.listener, { pid, fd: agent.result(loaded) }, state);
}

/**
 * Has an agent become a program, and waits until it has. If the kernel refuses, the error is that `what` cannot be
 * executed, at `place`. @throws UserError
 */
export async function execute(
  agent: Agent,
  execution: Execution,
  place: string,
  what: string,
): Promise<void> {
  const { caller, init } = agent;
  const pid = await agent.waitForInit();
  const { first, end } = layOutExecution(init, execution, place);
  const span = beginSpan("execution", `executes ${execution.path}`);
  init.run(first, end);
  const outcome = await init.outcome(() => caller.isRunning(pid));
  span.end(outcome.kind === "failed");
  if (outcome.kind !== "failed") return;
  if (outcome.step < end - 1) throw init.failure(outcome.step);
  const { refusalWords } = await import("../../linux/process/refusal.ts");
  const words = refusalWords(init.errno, execution.annotations, pid, execution.path);
  throw new UserError(place, `cannot exec ${what}: ${words}`);
}
