import type { Capabilities, Process, User } from "../../../runtime-spec/config.ts";
import { CAPABILITIES } from "../../../runtime-spec/config-process.ts";
import { LARGEST_ID } from "../../../runtime-spec/defs.ts";
import { parseJson } from "../../../runtime-spec/json.ts";
import { lineOf, validateProcess } from "../../../runtime-spec/validate.ts";
import type { Caller } from "../../agent/caller.ts";
import { fromCaller } from "../../container/caller/caller.ts";
import { type ExecOptions, execInTarget, exec as execProcess } from "../../container/exec.ts";
import { exitStatus } from "../../container/foreground/foreground.ts";
import { UserError } from "../../kernel/user-error.ts";
import { join } from "../../linux/paths.ts";
import { readNamed } from "../flags/named-file.ts";
import { capabilityNamed, requireProcessFlags } from "../flags/process.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { announcerFor, consoleFor, outputFor } from "../making/console.ts";
import { doubt, log, warnings } from "../output/log.ts";
import type { Foreground, Session } from "../session/session.ts";
import { Patience } from "../why/patience.ts";

type Exec = InvocationOf<"exec">;

/** `tsrun exec ID COMMAND …`, or with the process from a file. */
export async function exec(invocation: Exec, session: Session): Promise<number> {
  try {
    return await execute(invocation, session);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // The process comes from the command line or the process file, not from config.json.
    throw new UserError(error.lines.map((line) => line.replace(/^config\.json: (?=process\.)/, "")));
  }
}

async function execute({ globals, flags, args }: Exec, session: Session): Promise<number> {
  const { caller } = session;
  const warn = warnings(session, globals);
  requireTogether(flags);
  using joined =
    flags.pid === undefined ? ownContainer(globals, session, args) : await foreign(caller, flags, args);
  const { own, command } = joined;
  const given =
    flags.process === undefined
      ? processFromFlags(own, flags, command, warn)
      : withInherited(processFromFile(session, fromCaller(caller, flags.process), globals), own);
  const { tools, process } = await withTools(caller, given, flags);
  const gaps = flags.preserveFds > 0 ? await session.preserve(flags.preserveFds, "--preserve-fds") : [];
  using output = await outputFor(caller, process, flags);
  const console = await consoleFor(caller, process, flags);
  using terminal = console?.kind === "caller" ? console : null;
  const announce = await announcerFor(caller, flags.pidfdSocket, "setns");
  let foreground: Foreground | undefined;
  using patience = flags.pid === undefined ? new Patience(session, globals, "exec", args[0]) : null;
  await joined.exec(process, {
    pidFile: flags.pidFile === undefined ? undefined : fromCaller(caller, flags.pidFile),
    preservedFds: flags.preserveFds,
    gaps,
    cgroup: cgroupFrom(flags.cgroup),
    ignorePaused: flags.ignorePaused,
    tools,
    console,
    debug: globals.debug ? (line) => log(session, globals, "debug", line) : undefined,
    warn,
    beforeExecution: async (pid) => {
      announce?.(pid);
      if (!flags.detach) foreground = await session.foreground(pid, terminal);
    },
  });
  patience?.[Symbol.dispose](); // the process may take as long as it likes
  output?.keep();
  return exitStatus((await foreground?.wait()) ?? 0); // before the terminal is given back
}

/** A container that a process is to join. */
interface Joined extends Disposable {
  /** Its own process. */
  readonly own: Process | undefined;
  /** COMMAND, with its arguments. */
  readonly command: readonly string[];
  exec(process: Process, options: ExecOptions): Promise<void>;
}

function ownContainer(globals: Exec["globals"], session: Session, [id, ...words]: Exec["args"]): Joined {
  const directory = storeOf(globals, session.caller).open(id);
  // kubectl's `exec web -- ls`: no program is called so.
  const command = words[0] === "--" ? words.slice(1) : words;
  return {
    get own() {
      return directory.config().process;
    },
    command,
    exec: (process, options) => execProcess(directory, process, options),
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

/** Refuses flags that would do nothing without another one. @throws UserError */
function requireTogether({ tools, at, pid, noSeccomp }: Exec["flags"]): void {
  if (at !== undefined && tools === undefined)
    throw new UserError("exec", "--at needs --tools DIR: it is where the process finds that directory");
  if (noSeccomp && pid === undefined)
    throw new UserError(
      "exec",
      "--no-seccomp is for --pid PID: a container of tsrun's own has its filter in config.json",
    );
}

/** The container of a process that any runtime may have made. */
async function foreign(
  caller: Caller,
  { pid = 0, noSeccomp }: Exec["flags"],
  args: readonly string[],
): Promise<Joined> {
  const { foreignContainer } = await import("../../container/tools/foreign.ts");
  const { target, process } = await foreignContainer(caller, pid, noSeccomp);
  return {
    own: process,
    command: args,
    exec: (wanted, options) => execInTarget(target, wanted, options),
    [Symbol.dispose]() {},
  };
}

/** The directory that --tools names, and the process with its programs in PATH. */
async function withTools(
  caller: Caller,
  given: Process,
  { tools: directory, at = "/.tools" }: Exec["flags"],
) {
  if (directory === undefined) return { tools: undefined, process: given };
  const { toolsOf, inPath } = await import("../../container/tools/tools.ts");
  const tools = toolsOf(fromCaller(caller, directory), at);
  return { tools, process: { ...given, env: inPath(given.env ?? [], tools) } };
}

/** The path that `--cgroup` names below the container's cgroup, clean. @throws UserError */
function cgroupFrom(words: readonly string[]): string | undefined {
  const [word, second] = words;
  if (word === undefined) return undefined;
  const refuse = (why: string) => new UserError(`exec: --cgroup ${word}`, why);
  if (second !== undefined) throw refuse(`cgroup v2 has one hierarchy: leave out --cgroup ${second}`);
  const [controller, path] = word.split(":", 2);
  if (path !== undefined)
    throw refuse(`cgroup v2 has no cgroups of ${controller} alone: give the path without "${controller}:"`);
  if (word.split("/").includes(".."))
    throw refuse("bad sub cgroup path: leave out the .., it must be below the container's cgroup");
  return join("/", word).replace(/\/$/, "");
}

function processFromFile(session: Session, path: string, globals: Exec["globals"]): Process {
  const text = readNamed("exec: --process", path);
  const { process, problems, warnings: doubts } = validateProcess(parseJson(text, path));
  if (problems.length > 0) throw new UserError(problems.map((problem) => lineOf(path, problem)));
  for (const one of doubts) doubt(session, globals, lineOf(path, one));
  return process;
}

/** Properties that a process file leaves out are those of the container's own process, as in runc. */
const INHERITED = ["apparmorProfile", "selinuxLabel", "capabilities", "rlimits", "oomScoreAdj"] as const;

function withInherited(process: Process, own: Process | undefined): Process {
  const inherited: Record<string, unknown> = {};
  for (const name of INHERITED)
    if (process[name] === undefined || process[name] === "") inherited[name] = own?.[name];
  return { ...process, ...inherited };
}

/** The container's own process, changed by the flags. */
function processFromFlags(
  own: Process | undefined,
  flags: Exec["flags"],
  args: readonly string[],
  warn: (line: string) => void,
): Process {
  if (args.length === 0)
    throw new UserError("exec", "no command: give it after the id (or --pid PID), or use --process FILE");
  requireProcessFlags("exec", flags);
  const added = flags.cap.map(capabilityNamed);
  for (const name of added)
    if (!CAPABILITIES.includes(name)) warn(`exec: --cap ${name}: is not a known capability, and left out`);
  if (own === undefined) throw new UserError("exec", "the container has no process to take defaults from");
  return {
    ...own,
    args,
    terminal: flags.tty,
    cwd: flags.cwd ?? own.cwd,
    env: [...(own.env ?? []), ...flags.env],
    user: userFrom(own.user ?? {}, flags),
    capabilities: withCapabilities(own.capabilities ?? {}, added),
    ...(flags.noNewPrivs ? { noNewPrivileges: true } : {}),
    ...(flags.apparmor === undefined ? {} : { apparmorProfile: flags.apparmor }),
    ...(flags.processLabel === undefined ? {} : { selinuxLabel: flags.processLabel }),
  };
}

function userFrom(own: User, flags: Exec["flags"]): User {
  for (const id of flags.additionalGids) requireId("--additional-gids", id);
  const additionalGids = [...(own.additionalGids ?? []), ...flags.additionalGids];
  if (flags.user === undefined) return { ...own, additionalGids };
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(flags.user) ?? [];
  if (uid === undefined)
    throw new UserError("exec", `--user takes UID or UID:GID as numbers, not ${JSON.stringify(flags.user)}`);
  const user = { ...own, uid: Number(uid), gid: gid === undefined ? (own.gid ?? 0) : Number(gid) };
  requireId("--user", user.uid);
  requireId("--user", user.gid);
  return { ...user, additionalGids };
}

/** @throws UserError for what the kernel would cut down to another id */
function requireId(flag: string, id: number): void {
  if (id < 0 || id > LARGEST_ID)
    throw new UserError("exec", `${flag} takes ids from 0 to ${LARGEST_ID}, not ${id}`);
}

/**
 * Adds capabilities to all sets but the inheritable one, as runc does. To the ambient set only if there is an
 * inheritable one: ambient capabilities must be inheritable, too.
 */
function withCapabilities(own: Capabilities, added: readonly string[]): Capabilities {
  if (added.length === 0) return own;
  const plus = (names: readonly string[] | undefined) => [...new Set([...(names ?? []), ...added])];
  return {
    ...own,
    bounding: plus(own.bounding),
    effective: plus(own.effective),
    permitted: plus(own.permitted),
    ...(own.inheritable === undefined ? {} : { ambient: plus(own.ambient) }),
  };
}
