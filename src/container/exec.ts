import type { Process } from "../../runtime-spec/config.ts";
import type { Linux } from "../../runtime-spec/config-linux.ts";
import type { State } from "../../runtime-spec/state.ts";
import type { Caller } from "../agent/caller.ts";
import type { Program } from "../agent/program.ts";
import { CWD, chroot, closeFrom, fchdir, openat, prctl, setsid } from "../kernel/calls.ts";
import { FIRST_FD, O_DIRECTORY, O_PATH, PR_SET_DUMPABLE, PR_SET_PDEATHSIG } from "../kernel/constants.ts";
import { span } from "../kernel/span.ts";
import { UserError } from "../kernel/user-error.ts";
import { landlockOf } from "../linux/landlock/annotation.ts";
import { ReplacedStreams } from "../linux/process/null-streams.ts";
import type { SeccompFilter } from "../linux/seccomp/filter.ts";
import { filterOf } from "../linux/seccomp/load.ts";
import { openTerminal, type Terminal, takeTerminal } from "../linux/terminal.ts";
import { unprivilegedGuest } from "./caller/caller.ts";
import { Agent } from "./init/agent.ts";
import {
  type ContainerNamespaces,
  closeContainer,
  isEnding,
  openContainer,
} from "./init/container-namespaces.ts";
import { type Execution, execute, loadListened } from "./init/execution.ts";
import { becomeUser } from "./init/init-program.ts";
import { addAspects, guestOf, type Subject, schedulingOf, setAspects } from "./process/aspects.ts";
import { writePidFile } from "./state/pid-file.ts";
import type { Living } from "./state/saved.ts";
import type { StateDirectory } from "./state/state-directory.ts";
import { stateOf } from "./state/status.ts";
import { type Undo, undoing } from "./state/undo.ts";
import { requireStatus } from "./state/verbs.ts";
import type { Console } from "./terminal/console.ts";
import { asAnnotated } from "./timeline/annotation.ts";
import type { Tools } from "./tools/tools.ts";

export interface ExecOptions {
  /** In a paused container the process runs once that is resumed. */
  readonly ignorePaused: boolean;
  readonly pidFile: string | undefined;
  readonly preservedFds: number;
  /** Those of them that are closed, and must stay closed. */
  readonly gaps: readonly number[];
  /** A cgroup below the container's, such as `/jobs`, to run in; without it, the container's. */
  readonly cgroup: string | undefined;
  /** A directory of the host's that the process alone finds in the container. */
  readonly tools?: Tools | undefined;
  /** Takes the master of the process's terminal; null if it has none. */
  readonly console: Console | null;
  /** Is told each step of the agent, when all is done or has failed. */
  readonly debug: ((line: string) => void) | undefined;
  /** Is told what goes wrong without making the exec fail. */
  readonly warn: (line: string) => void;
  /** Called when all is set up and the process is about to run its program. */
  readonly beforeExecution: (pid: number) => void | Promise<void>;
}

/** The container that a process joins. */
export interface Target {
  readonly caller: Caller;
  /** Its id, or what else it is called by in messages and timelines. */
  readonly id: string;
  readonly saved: Pick<Living, "init" | "cgroup" | "annotations" | "keyring">;
  readonly linux: Linux | undefined;
  /** Its seccomp filter, where that is not the one of `linux.seccomp`. */
  readonly filter?: SeccompFilter | null;
  /** For the listener of a seccomp filter. */
  readonly state: State;
}

/**
 * Runs another process in a container: in its namespaces and its cgroup, with an identity of its own. Returns
 * once execve(2) has succeeded; the process is a child of tsrun.
 * @throws UserError; then no process is left
 */
export async function exec(directory: StateDirectory, process: Process, options: ExecOptions): Promise<void> {
  const verb = options.ignorePaused ? "exec --ignore-paused" : "exec";
  const { saved, status } = requireStatus(verb, directory);
  const { caller, id } = directory;
  const state = stateOf(saved, status === "paused" ? "running" : status);
  await execInTarget({ caller, id, saved, linux: directory.config().linux, state }, process, options);
}

/** The same in any container. @throws UserError */
export async function execInTarget(target: Target, process: Process, options: ExecOptions): Promise<void> {
  const { id, caller, saved } = target;
  try {
    const { debug, warn } = options;
    const act = () => undoing((undo) => execIn(target, process, options, undo));
    await asAnnotated(saved, { verb: "exec", id, caller, warn }, async () => {
      if (debug === undefined) await act();
      else await (await import("./listing/trace.ts")).traced(debug, act);
    });
  } catch (error) {
    if (isEnding(saved.init))
      throw new UserError(
        `container ${id}`,
        "cannot exec in a stopped container: container not running (it has just ended)",
      );
    throw error;
  }
}

/** The phases of an exec. The agent runs what its program has by then while tsrun adds what comes next. */
async function execIn(target: Target, process: Process, options: ExecOptions, undo: Undo): Promise<void> {
  const phase = <T>(name: string, act: () => T) => span("phase", name, act);
  const { caller, state } = target;
  const plan = await phase("opens the container", () => planOf(target, process, options, undo));
  const agent = phase("starts the stage", () => launch(plan, options, undo));
  const pid = await phase("enters the container", () => enter(plan, agent, options));
  const program = await phase("drops privileges", () => dropPrivileges(plan, agent, options));
  if (options.pidFile !== undefined) writePidFile(caller, options.pidFile, pid, undo);
  await executeProcess(plan, agent, { ...program, pid, state }, options);
  agent.keep();
  undo.keep();
}

/** What an exec knows and has opened before it starts anything. */
interface Plan {
  readonly saved: Target["saved"];
  readonly filter: SeccompFilter | null;
  readonly namespaces: ContainerNamespaces;
  readonly streams: ReplacedStreams;
  readonly subject: Subject;
  /** The process enters the container's mounts with these tools. */
  readonly tools: { readonly enter: (agent: Agent) => Promise<void>; readonly hasHost: boolean } | null;
}

/** Loads and opens what the exec needs; `undo` closes it. @throws UserError */
async function planOf(
  { caller, saved, linux, filter: copied }: Target,
  process: Process,
  { cgroup: below, ignorePaused, tools, preservedFds, debug, warn }: ExecOptions,
  undo: Undo,
): Promise<Plan> {
  const filter = copied ?? (await filterOf(caller, linux?.seccomp));
  const landlock = await landlockOf(saved.annotations, process, { preservedFds, joins: true });
  for (const note of landlock?.notes ?? []) debug?.(note);
  if (landlock?.warning) warn(landlock.warning);
  const scheduling = await schedulingOf(process);
  const labelled = Boolean(process.apparmorProfile || process.selinuxLabel);
  const labels = labelled ? (await import("../linux/process/labels.ts")).labelsOf(caller, process) : null;
  undo.always(() => labels?.[Symbol.dispose]());
  const unprivileged = unprivilegedGuest(caller);
  const where = { below, frozen: ignorePaused, mountsLater: tools !== undefined };
  const namespaces = await openContainer(caller, saved.init, saved.cgroup, where);
  undo.always(() => closeContainer(namespaces));
  const streams = new ReplacedStreams(caller);
  undo.always(() => streams[Symbol.dispose]());
  if (!process.terminal) streams.takeFrom(saved.init.pid);
  const subject = guestOf(saved, {
    ...{ caller, process, linux, unprivileged, labels, landlock, scheduling },
    hasUserNamespace: namespaces.hasUserNamespace,
    filtered: filter !== null,
    warn: unprivileged === null ? null : warn,
    execCPUAffinity: process.execCPUAffinity,
  });
  const entrance = tools === undefined ? null : await entranceWith(tools, caller, namespaces, saved.init.pid);
  return { saved, filter, namespaces, streams, subject, tools: entrance };
}

/** How a process enters a container's mounts with tools. */
async function entranceWith(
  tools: Tools,
  caller: Caller,
  { mounts, hasUserNamespace }: ContainerNamespaces,
  pid: number,
): Promise<Plan["tools"]> {
  const { enterWithTools } = await import("./tools/tools.ts");
  const [passed = null] = mounts === null ? [] : caller.pass([mounts]);
  return {
    enter: (agent) => enterWithTools(agent, tools, { mounts: passed, pid }),
    hasHost: caller.uid === 0 && hasUserNamespace, // in there it has lost root's rights over the host's files
  };
}

/** Starts the stage, which joins the container's namespaces and clones into its cgroup. */
function launch({ namespaces, streams, subject, tools }: Plan, { gaps }: ExecOptions, undo: Undo): Agent {
  const { caller, scheduling, execCPUAffinity = {} } = subject;
  const [root] = namespaces.root === null ? [] : caller.pass([namespaces.root]);
  const agent = Agent.start(caller, namespaces, namespaces.cgroup, {
    ...{ moveStage: namespaces.moveStage, gaps },
    pass: streams.descriptors,
    hasHost: tools?.hasHost ?? false,
    prepare(stage, passed) {
      streams.add(stage, passed);
      scheduling?.confineParent(stage, execCPUAffinity);
    },
  });
  undo.always(() => agent[Symbol.asyncDispose]());
  const program = agent.init.program.by("exec");
  program.add(setsid());
  if (root !== undefined) {
    program.add(fchdir(root));
    program.add(chroot("."));
  }
  return agent;
}

/** Gives the process, which is in the container by now, all that takes privileges. Returns its pid. */
async function enter(
  { subject, tools }: Plan,
  agent: Agent,
  { preservedFds, console }: ExecOptions,
): Promise<number> {
  const { caller, process, unprivileged } = subject;
  const { program } = agent.init;
  addAspects(program, "enter", subject);
  await tools?.enter(agent);
  const terminal = process.terminal ? addTerminal(program, process, preservedFds) : null;
  // Otherwise an ordinary user's tsrun could not fetch the master. All that the agent has by now is the container's
  // anyway.
  const isFetched = terminal !== null && unprivileged !== null;
  if (isFetched) program.add(prctl(PR_SET_DUMPABLE, 1));
  const pid = await agent.waitForInit();
  if (terminal !== null) await console?.attach(caller, agent.init, pid, terminal);
  if (isFetched) program.add(prctl(PR_SET_DUMPABLE, 0));
  setAspects(pid, "outside", subject);
  return pid;
}

/** Makes it the process's user, and looks up the program as that user. */
async function dropPrivileges(
  { subject }: Plan,
  agent: Agent,
  { preservedFds }: ExecOptions,
): Promise<Found> {
  const { linux, unprivileged } = subject;
  const uidMappings = unprivileged === null ? (linux?.uidMappings ?? []) : [];
  const { executable, home } = becomeUser(agent.init.program, subject, { preservedFds, uidMappings });
  await agent.run();
  return { path: executable.choose((step) => agent.init.result(step)), env: home.environment(agent.init) };
}

type Found = Pick<Execution, "path" | "env">;

/** Executes the program. Until then the process ends with tsrun. */
async function executeProcess(
  { saved, filter, subject }: Plan,
  agent: Agent,
  { path, env, pid, state }: Found & { readonly pid: number; readonly state: State },
  { preservedFds, beforeExecution }: ExecOptions,
): Promise<void> {
  const { caller, process } = subject;
  agent.init.program.by("exec").add(prctl(PR_SET_PDEATHSIG, 0)); // posted with the execution
  setAspects(pid, "last", subject);
  await loadListened(caller, agent.init, pid, filter, state);
  await beforeExecution(pid);
  const { annotations } = saved;
  const execution = { path, args: process.args, env, preservedFds, filter, annotations };
  await execute(agent, execution, "process.args[0]", path);
}

/**
 * Opens a terminal of the container, and leaves its /dev/console alone. The host's descriptors are closed first, since
 * from then on processes of the container may look into this one.
 */
function addTerminal(program: Program, process: Process, preservedFds: number): Terminal {
  program.by("exec").add(closeFrom(FIRST_FD + preservedFds));
  const terminal = openTerminal(program, program.add(openat(CWD, "/", O_PATH | O_DIRECTORY)), process);
  takeTerminal(program, terminal);
  return terminal;
}
