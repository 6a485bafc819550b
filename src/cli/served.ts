/** Which command lines a tsrun server takes, and how it does them. */
import type { Process } from "../../runtime-spec/config.ts";
import { parseJson } from "../../runtime-spec/json.ts";
import type { Caller } from "../agent/caller.ts";
import { bundleIn } from "../container/bundle.ts";
import { fromCaller } from "../container/caller/caller.ts";
import { S_IFMT, S_IFREG } from "../kernel/constants.ts";
import { readText, statusIfThere } from "../kernel/files.ts";
import { linesOf } from "../kernel/user-error.ts";
import type { Wanted } from "../serve/server.ts";
import { showsPods } from "./commands/list.ts";
import { type Invocation, type InvocationOf, parse } from "./grammar/parse.ts";
import type { CommandName, Globals } from "./grammar/table.ts";
import { ServedSession } from "./session/served-session.ts";
import type { Session } from "./session/session.ts";

type Asker = Pick<Caller, "proc" | "env">;

/** Why a command isn't taken; null when it is. A command without an entry isn't. */
const TAKEN: { readonly [C in CommandName]?: (invocation: InvocationOf<C>, asker: Asker) => string | null } =
  {
    create: ({ flags }) => (flags.dryRun ? "--dry-run" : descriptors(flags)),
    start: () => null,
    run: ({ flags }, asker) =>
      flags.dryRun
        ? "--dry-run"
        : (descriptors(flags) ?? (flags.detach ? null : ownForeground(flags, asker))),
    exec: ({ flags }, asker) =>
      flags.pid === undefined
        ? (descriptors(flags) ?? (flags.detach ? null : ownTerminal(flags, asker)))
        : "--pid", // it may have to trace that process
    state: () => null,
    list: ({ flags }) => (showsPods(flags) ? "what is only for people" : null),
    ps: () => null,
    kill: () => null,
    delete: () => null,
    pause: () => null,
    resume: () => null,
    update: ({ flags }) => (flags.resources === "-" ? "standard input" : null),
  };

/** They change nothing: until they answer, the caller may give up waiting and do them itself. */
const LOOKS: readonly string[] = ["state", "list", "ps"];

/** A signal ends a process in the middle of others, but not of these. */
const MAKE: readonly string[] = ["create", "run", "exec"];

function descriptors({ preserveFds }: { readonly preserveFds: number }): string | null {
  return preserveFds > 0 ? "--preserve-fds" : null;
}

/** What only the caller's own process can do for a container in its foreground. */
function ownForeground(flags: InvocationOf<"run">["flags"], asker: Asker): string | null {
  const { process, config } = bundleIn(flags.bundle ?? ".", asker);
  if (process.terminal) return "a terminal";
  if (config.hooks?.poststart?.length) return "hooks while signals are passed on";
  const ownsPids = config.linux?.namespaces?.some(({ type, path = "" }) => type === "pid" && path === "");
  return ownsPids || flags.noSubreaper ? null : "orphans to adopt";
}

function ownTerminal({ tty, process: file }: InvocationOf<"exec">["flags"], asker: Asker): string | null {
  if (file === undefined) return tty ? "a terminal" : null;
  const path = fromCaller(asker, file);
  const process = parseJson(readText(path), path) as Process; // checked when it is used
  return process.terminal ? "a terminal" : null;
}

/** Paths that mean something else in each process, such as those that shells make of `<(…)`. */
const OWN_PATH = /^\/+(proc\/(self|thread-self)|dev\/(fd|stdin|stdout|stderr))(\/|$)/;

/** Why files that a command line names must be opened by the process itself; null if they need not. */
function ownFile(invocation: Invocation, asker: Asker): string | null {
  const flags = "flags" in invocation ? invocation.flags : {};
  const named: Readonly<Record<string, unknown>> = { ...invocation.globals, ...flags };
  const makes = invocation.command === "create" || invocation.command === "run";
  const { bundle = makes ? "." : undefined, log, output, pidFile, process, resources } = named;
  const isText = (value: unknown) => typeof value === "string";
  if (Object.values(named).some((value) => isText(value) && OWN_PATH.test(value))) return "a path of its own";
  const config = isText(bundle) ? `${bundle}/config.json` : undefined;
  const files = [config, log, output, pidFile, process, resources].filter(isText);
  return files.every((file) => isOrdinary(fromCaller(asker, file))) ? null : "a special file";
}

/** Opening a FIFO, or reading it, would hold up the server. */
function isOrdinary(path: string): boolean {
  const found = statusIfThere(path);
  return found === null || (found.mode & S_IFMT) === S_IFREG;
}

/** What is asked of the process alone, which is not that of the server. */
const NOT_TAKEN = ["LISTEN_FDS", "NOTIFY_SOCKET", "TSRUN_FAULTS"];

/** A global flag that asks something of it. */
function flagOfOwn({ trace, fault }: Globals): string | undefined {
  if (trace !== undefined) return "--trace";
  return fault.length > 0 ? "--fault" : undefined;
}

/** Runs a command line for a process, and returns its exit status. */
export type Run = (argv: readonly string[], session: Session) => Promise<number>;

/** Reads a command line of a process, to have it run by `run`. */
export function wantedBy(run: Run, argv: readonly string[], asker: Asker): Wanted {
  const not = (refusal: string): Wanted => ({ command: "", refusal, run: async () => 1 });
  let invocation: Invocation;
  try {
    invocation = parse(argv);
    const taken = TAKEN[invocation.command as CommandName] as
      | ((invocation: Invocation, asker: Asker) => string | null)
      | undefined; // the key picks the type
    const variable = NOT_TAKEN.find((name) => asker.env[name]);
    const own = flagOfOwn(invocation.globals) ?? (variable && `$${variable}`);
    const refusal = taken === undefined ? `a command that is not taken: ${invocation.command}` : own;
    const why = refusal ?? ownFile(invocation, asker) ?? taken?.(invocation, asker);
    if (why) return not(why);
  } catch (error) {
    return not(`an error: ${linesOf(error)[0]}`); // the caller will find it too, and tell
  }
  const { command } = invocation;
  return {
    command,
    refusal: null,
    run(client) {
      if (!LOOKS.includes(command)) client.claim(MAKE.includes(command));
      return run(argv, new ServedSession(client, command === "run"));
    },
  };
}
