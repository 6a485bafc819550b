import { SIGPIPE } from "../kernel/constants.ts";
import { EXIT, isInternal, linesOf } from "../kernel/user-error.ts";
import { remove } from "./commands/delete.ts";
import { kill } from "./commands/kill.ts";
import { list } from "./commands/list.ts";
import { start } from "./commands/start.ts";
import { state } from "./commands/state.ts";
import { type Invocation, type InvocationOf, parse } from "./grammar/parse.ts";
import type { CommandName, Globals } from "./grammar/table.ts";
import { UsageError } from "./grammar/usage-error.ts";
import { forStderr, log, oneLine, requireLog } from "./output/log.ts";
import { BrokenPipe, complain } from "./output/output.ts";
import type { Session } from "./session/session.ts";

/** What a command returns: tsrun's exit status. */
type Status = number | Promise<number>;
type Runner<C extends CommandName> = (
  invocation: InvocationOf<C>,
  session: Session,
  /** For a command that runs others. */
  run: (argv: readonly string[], session: Session) => Promise<number>,
) => Status;

const making = () => import("./making-commands.ts");

/**
 * The commands, each loaded when it is called: what `ps` needs must not slow `create` down. Those that act on an
 * existing container are loaded from the start: a piece of their own would cost 0.5 ms, and the other commands need
 * nearly all of it too.
 */
const RUNNERS: { readonly [C in CommandName]: () => Promise<Runner<C>> } = {
  create: async () => (await making()).create,
  start: async () => start,
  run: async () => (await making()).run,
  state: async () => state,
  kill: async () => kill,
  delete: async () => remove,
  list: async () => list,
  exec: async () => (await making()).exec,
  pause: async () => (await import("./commands/pause.ts")).pause,
  resume: async () => (await import("./commands/pause.ts")).resume,
  ps: async () => (await import("./commands/ps.ts")).ps,
  update: async () => (await import("./commands/update.ts")).update,
  mounts: async () => (await import("./commands/mounts.ts")).mounts,
  checkpoint: async () => (await import("./commands/checkpoint.ts")).checkpoint,
  restore: async () => (await import("./commands/restore.ts")).restore,
  logs: async () => (await import("./commands/logs.ts")).logs,
  why: async () => (await import("./commands/why.ts")).why,
  __steps: async () => (await import("./commands/steps.ts")).steps,
  events: async () => (await import("./commands/events.ts")).events,
  unpack: async () => (await import("./commands/unpack.ts")).unpack,
  spec: async () => (await import("./commands/spec.ts")).spec,
  validate: async () => (await import("./commands/validate.ts")).validate,
  verify: async () => (await import("./commands/verify.ts")).verify,
  check: async () => (await import("./commands/check.ts")).check,
  explain: async () => (await import("./commands/explain.ts")).explain,
  draw: async () => (await import("./commands/draw.ts")).draw,
  seccomp: async () => (await import("./commands/seccomp.ts")).seccomp,
  features: async () => (await import("./commands/features.ts")).features,
  serve: async () => (await import("./commands/serve.ts")).serve,
  completion: async () => (await import("./commands/completion.ts")).completion,
  __complete: async () => (await import("./commands/completion.ts")).complete,
  man: async () => (await import("./commands/man.ts")).man,
  help: async () => (await import("./commands/help.ts")).help,
};

/** What commands end with that have failed, or whose command line can't be understood, if not with `EXIT.failed`. */
const STATUSES: {
  readonly [C in Invocation["command"]]?: { readonly failed: number; readonly misused?: number };
} = {
  exec: { failed: EXIT.execFailed },
  verify: { failed: EXIT.unanswered, misused: EXIT.unanswered },
};

/** The exit status of a program that SIGPIPE ended, as in shells. */
const BROKEN_PIPE = EXIT.bySignal + SIGPIPE;

/** Runs a command line for a process, prints and logs what goes wrong, and returns the exit status. */
export async function run(argv: readonly string[], session: Session): Promise<number> {
  let globals: Globals | null = null;
  let status: number = EXIT.failed;
  try {
    const invocation = parse(argv);
    globals = invocation.globals;
    requireLog(session, globals);
    for (const warning of invocation.warnings) log(session, globals, "warning", warning);
    if (globals.debug) log(session, globals, "debug", await session.service(!globals.noServe));
    status = STATUSES[invocation.command]?.failed ?? status;
    if (globals.fault.length === 0) return await traced(invocation, session);
    const { withFaultsOf } = await import("./flags/fault.ts");
    return await withFaultsOf(globals, session, () => traced(invocation, session));
  } catch (error) {
    if (error instanceof BrokenPipe) return BROKEN_PIPE;
    if (!(error instanceof UsageError)) {
      report(session, globals, error);
      return status;
    }
    const told = (await import("./grammar/habits.ts")).inOtherWords(error);
    report(session, told.globals, told, told.hint);
    return (error.command && STATUSES[error.command]?.misused) ?? status;
  }
}

async function traced(invocation: Invocation, session: Session): Promise<number> {
  const { trace } = invocation.globals;
  if (trace === undefined) return dispatch(invocation, session);
  const { traceCommand } = await import("./flags/trace.ts");
  return traceCommand(invocation, trace, session, (seen) => dispatch(invocation, seen));
}

async function dispatch(invocation: Invocation, session: Session): Promise<number> {
  if (invocation.command === "version") return (await import("./commands/version.ts")).version(session);
  const load = RUNNERS[invocation.command] as () => Promise<Runner<CommandName>>; // the key picks the type
  const runner = await load();
  return runner(invocation as InvocationOf<CommandName>, session, run); // as above
}

/** Prints one line for each problem on standard error and to the log; as JSON where standard error is the log. */
function report(session: Session, globals: Globals | null, error: unknown, hint = ""): void {
  const lines = new Set(linesOf(error).map(oneLine));
  const message = [...lines].join("\n");
  if (globals?.log === undefined && globals?.logFormat === "json") {
    complain(session, forStderr("json", "error", message, message));
    return;
  }
  try {
    if (globals !== null) log(session, globals, "error", message);
  } catch (unlogged) {
    for (const line of linesOf(unlogged)) lines.add(oneLine(line)); // the same, if that is what is reported
  }
  for (const line of lines) complain(session, `tsrun: error: ${line}`);
  if (hint !== "") complain(session, hint);
  if (globals?.debug && isInternal(error) && error instanceof Error) complain(session, String(error.stack));
}
