import type { Process } from "../../runtime-spec/config.ts";
import type { NamespaceType } from "../../runtime-spec/config-linux.ts";
import type { Program } from "../agent/program.ts";
import { CWD, chroot, closeFrom, fchdir, openat, prctl, setsid } from "../kernel/calls.ts";
import { FIRST_FD, O_DIRECTORY, O_PATH, PR_SET_DUMPABLE, PR_SET_PDEATHSIG } from "../kernel/constants.ts";
import { UserError } from "../kernel/user-error.ts";
import { ReplacedStreams } from "../linux/process/null-streams.ts";
import { filterOf } from "../linux/seccomp/load.ts";
import { openTerminal, type Terminal, takeTerminal } from "../linux/terminal.ts";
import { unprivilegedGuest } from "./caller/caller.ts";
import { Agent } from "./init/agent.ts";
import { execute, loadListened } from "./init/execution.ts";
import { takeOn } from "./init/init-program.ts";
import { closeTarget, isEnding, openTarget } from "./init/target.ts";
import { addAspects, guestOf, schedulingOf, setAspects } from "./process/aspects.ts";
import { writePidFile } from "./state/pid-file.ts";
import { stateOf } from "./state/status.ts";
import type { Living, StateDirectory } from "./state/store.ts";
import { Undo } from "./state/undo.ts";
import { requireStatus } from "./state/verbs.ts";
import type { Console } from "./terminal/console.ts";

export interface ExecOptions {
  /** In a paused container the process runs once that is resumed. */
  readonly ignorePaused: boolean;
  readonly pidFile: string | undefined;
  readonly preservedFds: number;
  /** Which of those are not open, and are not to be. */
  readonly gaps: readonly number[];
  /** A cgroup below the container's, such as `/jobs`, to run in; without it, the container's. */
  readonly cgroup: string | undefined;
  /** Takes the master of the process's terminal; null when that has none. */
  readonly console: Console | null;
  /** Is told each step of the agent, when all is done or has failed. */
  readonly debug: ((line: string) => void) | undefined;
  /** Is told what goes wrong without making the exec fail. */
  readonly warn: (line: string) => void;
  /** Called when all is set up and the process is about to run its program. */
  readonly beforeExecution: (pid: number) => void;
}

/**
 * Runs another process in a container: in its namespaces and its cgroup, with an identity of its own. Returns
 * once execve(2) has succeeded; the process is a child of tsrun.
 * @throws UserError; then no process is left
 */
export async function exec(directory: StateDirectory, process: Process, options: ExecOptions): Promise<void> {
  const verb = options.ignorePaused ? "exec --ignore-paused" : "exec";
  const { saved, status } = requireStatus(verb, directory);
  try {
    const act = () => execIn(directory, saved, status, process, options);
    if (options.debug === undefined) await act();
    else await (await import("./listing/trace.ts")).traced(options.debug, act);
  } catch (error) {
    if (isEnding(saved.init))
      throw new UserError(
        `container ${directory.id}`,
        "cannot exec in a stopped container: container not running (it has just ended)",
      );
    throw error;
  }
}

async function execIn(
  directory: StateDirectory,
  saved: Living,
  status: "created" | "running" | "paused",
  process: Process,
  options: ExecOptions,
): Promise<void> {
  await using undo = new Undo();
  const { caller } = directory;
  const { linux } = directory.config();
  const filter = await filterOf(caller, linux?.seccomp);

  const { execCPUAffinity } = process;
  const scheduling = await schedulingOf(process);
  const labelled = Boolean(process.apparmorProfile || process.selinuxLabel);
  using labels = labelled ? (await import("../linux/process/labels.ts")).labelsOf(caller, process) : null;

  const unprivileged = unprivilegedGuest(caller);
  const target = await openTarget(caller, saved.init, saved.cgroup, {
    below: options.cgroup,
    frozen: options.ignorePaused,
  });
  using streams = new ReplacedStreams(caller);
  if (!process.terminal) streams.takeFrom(saved.init.pid);
  const plan = { created: new Set<NamespaceType>(), joins: target.joins };
  const [root] = target.root === null ? [] : caller.pass([target.root]);
  using agent = Agent.start(caller, plan, target.cgroup, {
    admit: target.admit,
    gaps: options.gaps,
    prepare(stage) {
      streams.add(stage);
      scheduling?.confineParent(stage, execCPUAffinity ?? {});
    },
  });
  const { init } = agent;
  const { program } = init;
  program.by("exec").add(setsid());
  if (root !== undefined) {
    program.add(fchdir(root));
    program.add(chroot("."));
  }
  const subject = guestOf(saved, {
    caller,
    process,
    linux,
    hasUserNamespace: target.hasUserNamespace,
    unprivileged,
    labels,
    filtered: filter !== null,
    warn: unprivileged === null ? null : options.warn,
    execCPUAffinity,
    scheduling,
  });
  addAspects(program, "enter", subject);
  const terminal = process.terminal ? addTerminal(program, process, options.preservedFds) : null;
  // Else an ordinary user's tsrun could not take the master. What the agent has by now is the container's already.
  const isFetched = terminal !== null && unprivileged !== null;
  if (isFetched) program.add(prctl(PR_SET_DUMPABLE, 1));
  const pid = agent.waitForInit();
  closeTarget(target);
  if (terminal !== null) options.console?.attach(caller, init, pid, terminal);
  if (isFetched) program.add(prctl(PR_SET_DUMPABLE, 0));
  setAspects(pid, "outside", subject);
  const { executable, home } = takeOn(program, subject, {
    preservedFds: options.preservedFds,
    uidMappings: unprivileged === null ? (linux?.uidMappings ?? []) : [],
  });
  agent.run();

  const path = executable.choose((step) => init.result(step));
  if (options.pidFile !== undefined) writePidFile(options.pidFile, pid, undo);
  program.by("exec").add(prctl(PR_SET_PDEATHSIG, 0)); // posted with the execution: until then it ends with tsrun
  setAspects(pid, "last", subject);
  loadListened(caller, init, pid, filter, stateOf(saved, status === "paused" ? "running" : status));
  options.beforeExecution(pid);
  const execution = {
    path,
    args: process.args,
    env: home.environment(init),
    preservedFds: options.preservedFds,
    filter,
  };
  execute(agent, execution, "process.args[0]", `${path}: execve`);
  agent.keep();
  undo.keep();
}

/**
 * A terminal of the container, whose /dev/console stays what it is. Descriptors of the host go before: what is the
 * container's may be seen by who is in there.
 */
function addTerminal(program: Program, process: Process, preservedFds: number): Terminal {
  program.by("exec").add(closeFrom(FIRST_FD + preservedFds));
  const terminal = openTerminal(program, program.add(openat(CWD, "/", O_PATH | O_DIRECTORY)), process);
  takeTerminal(program, terminal);
  return terminal;
}
