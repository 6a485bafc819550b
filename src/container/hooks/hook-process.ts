/**
 * One hook as a process: an agent that enters the hook's namespaces and then becomes the hook.
 *
 * Its standard input is the state in a sealed memfd, so a hook that does not read it can't hold tsrun up. What it
 * prints goes to tsrun through a pipe, never to the container's output, and the last of it into the error. It leads a
 * session and a process group of its own, so that it is killed with its children when its time is up. It dies with
 * tsrun, since nobody would watch its time any more.
 */

import type { Hook } from "../../../runtime-spec/config.ts";
import type { State } from "../../../runtime-spec/state.ts";
import type { Caller } from "../../agent/caller.ts";
import type { Program } from "../../agent/program.ts";
import {
  chroot,
  close,
  closeFrom,
  dup3,
  fchdir,
  fcntl,
  kill,
  lseek,
  memfdCreate,
  pidfdOpen,
  setsid,
} from "../../kernel/calls.ts";
import {
  F_ADD_SEALS,
  F_SEAL_ALL,
  FIRST_FD,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  SEEK_SET,
  SIGKILL,
} from "../../kernel/constants.ts";
import { writeAll } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { SIGNALS } from "../../kernel/signals.ts";
import { span } from "../../kernel/span.ts";
import { waitStatus } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";
import { readable } from "../../kernel/wait.ts";
import type { Annotations } from "../../linux/landlock/annotation.ts";
import type { Join } from "../../linux/namespaces.ts";
import { variable } from "../../linux/process/environment.ts";
import type { findHome } from "../../linux/process/home.ts";
import type { SeccompFilter } from "../../linux/seccomp/filter.ts";
import { Agent } from "../init/agent.ts";
import { execute, loadListened } from "../init/execution.ts";
import { ProcessOutput } from "../process/process-output.ts";
import { Undo } from "../state/undo.ts";
import { HookStreams } from "./hook-streams.ts";

type Home = ReturnType<typeof findHome>;

/** Where a hook runs, and as whom. */
export interface HookPlace {
  readonly caller: Caller;
  /** Namespaces that it joins; without any it runs in tsrun's. */
  readonly joins: readonly Join[];
  readonly cgroup: number | null;
  /** Moves the stage into the cgroup, if the hook can't be born there. */
  readonly moveStage: ((stage: number) => Promise<void>) | null;
  /** Its root directory, unless that is its mount namespace's. */
  readonly root: number | null;
  /** The pid of the container's init in there; undefined if it is the one in tsrun's pid namespace. */
  readonly pidInside: number | undefined;
  /** Sets from outside what the process can't set itself. */
  readonly prepare: (pid: number) => void;
  /** Adds what gives the process its keyring and labels, while it has descriptors of tsrun. */
  readonly label: (program: Program) => void;
  /** Adds what the process does before it becomes the hook, without a descriptor of the host: its user, its directory. */
  readonly enter: (program: Program) => Home | null;
  /** Sets from outside what must hold for the hook alone. */
  readonly schedule: (pid: number) => void;
  readonly filter: SeccompFilter | null;
  /** Of the container, where they may confine the hook. */
  readonly annotations?: Annotations;
  /** The environment of a hook that names none, as in runc; with the HOME that `enter` has found. */
  readonly env: readonly string[];
}

/** The state as hooks get it. */
export type HookState = State & { readonly pid: number };

/** How long a killed hook may take to die, in milliseconds. */
const DEATH_PATIENCE = 10_000;

/** Runs a hook to its end; `where` is its place, in the words of config.json and of runc. @throws UserError */
export function runHook(where: string, hook: Hook, state: HookState, place: HookPlace): Promise<void> {
  return span("hook", where, (traceparent) => runToEnd(where, hook, state, place, traceparent));
}

async function runToEnd(
  where: string,
  hook: Hook,
  state: HookState,
  place: HookPlace,
  traceparent: string | null,
): Promise<void> {
  await using running = await startHook(where, hook, state, place, traceparent);
  const limit = (hook.timeout ?? Number.POSITIVE_INFINITY) * 1000;
  if (!(await running.ends(limit)))
    throw await running.fail(
      `hook ran past specified timeout of ${hook.timeout?.toFixed(1)}s, and was killed`,
    );
  const how = running.end();
  if (how !== null) throw await running.fail(how);
}

async function startHook(
  where: string,
  hook: Hook,
  state: HookState,
  place: HookPlace,
  traceparent: string | null,
): Promise<RunningHook> {
  await using undo = new Undo();
  const streams = new HookStreams(state);
  undo.always(() => streams.close());
  const output = new ProcessOutput();
  undo.add(() => output.close());
  const stdin = stateFile({ ...state, pid: place.pidInside ?? state.pid });
  undo.always(() => void here(close(stdin)));
  const outputs = streams.or(output.writeEnd);
  const agent = await spawn({ where, hook, state, place, stdin, outputs, traceparent }, undo);
  output.closeWriteEnd();
  const running = new RunningHook(where, place.caller, await agent.waitForInit(), output);
  agent.keep();
  undo.keep();
  return running;
}

class RunningHook implements AsyncDisposable {
  private readonly where: string;
  private readonly caller: Caller;
  private readonly pid: number;
  private readonly pidfd: number;
  private readonly output: ProcessOutput;
  private reaped = false;

  constructor(where: string, caller: Caller, pid: number, output: ProcessOutput) {
    this.where = where;
    this.caller = caller;
    this.pid = pid;
    this.output = output;
    this.pidfd = here(pidfdOpen(pid));
  }

  /** Takes in what the hook prints until it has ended, at most so many milliseconds. Returns whether it has. */
  ends(milliseconds: number): Promise<boolean> {
    return this.output.until([this.pidfd], milliseconds);
  }

  /** How an ended hook failed, in words; null when it did not. */
  end(): string | null {
    const { signal, exit } = waitStatus(this.reap());
    if (signal !== 0) return `killed by signal ${signal}${nameOf(signal)}`;
    return exit === 0 ? null : `exit status ${exit}`;
  }

  async fail(how: string): Promise<UserError> {
    await this.kill();
    const said = this.output.tail();
    return new UserError(this.where, said === "" ? how : `${how}; it said: ${said}`);
  }

  private async kill(): Promise<void> {
    if (this.reaped) return;
    // Until it is reaped, its pid is its process group's number and nobody else's.
    attempt(kill(-this.pid, SIGKILL));
    if (await readable(this.pidfd, DEATH_PATIENCE)) this.reap();
  }

  private reap(): number {
    const status = this.caller.reap(this.pid, true) ?? 0;
    this.reaped = true;
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.kill();
    } finally {
      this.output.close();
      here(close(this.pidfd));
    }
  }
}

/** ` (SIGSEGV)`; nothing for a real-time signal. */
function nameOf(signal: number): string {
  const [name] = Object.entries(SIGNALS).find(([, number]) => number === signal) ?? [];
  if (signal === SIGNALS.SIGSYS) return " (SIGSYS: bad system call, which a seccomp filter forbids)";
  return name === undefined ? "" : ` (${name})`;
}

/** A sealed file with the state as JSON, open at its beginning. */
function stateFile(state: HookState): number {
  const fd = here(memfdCreate("state", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  writeAll(fd, JSON.stringify(state));
  here(lseek(fd, 0, SEEK_SET));
  here(fcntl(fd, F_ADD_SEALS, F_SEAL_ALL));
  return fd;
}

interface Spawn {
  readonly where: string;
  readonly hook: Hook;
  readonly state: HookState;
  readonly place: HookPlace;
  readonly stdin: number;
  /** Its standard output and error. */
  readonly outputs: readonly [number, number];
  /** Its span in a trace; null without one. */
  readonly traceparent: string | null;
}

/** Starts an agent and returns it once execve(2) has made it the hook. @throws UserError */
async function spawn(wanted: Spawn, undo: Undo): Promise<Agent> {
  const { where, hook, state, place, stdin, outputs } = wanted;
  const { caller } = place;
  const [input = -1, ...printed] = caller.pass([stdin, ...outputs]);
  const [root] = place.root === null ? [] : caller.pass([place.root]);
  const plan = { created: new Set<never>(), joins: place.joins };
  const agent = Agent.start(caller, plan, place.cgroup, { moveStage: place.moveStage });
  undo.always(() => agent[Symbol.asyncDispose]());
  const { init } = agent;
  const { program } = init;
  program.by(where).add(setsid());
  program.add(dup3(input, 0, 0));
  for (const [index, output] of printed.entries()) program.add(dup3(output, index + 1, 0));
  if (root !== undefined) {
    program.add(fchdir(root));
    program.add(chroot("."));
  }
  place.label(program);
  program.by(where).add(closeFrom(FIRST_FD));
  const home = place.enter(program);
  const pid = await agent.waitForInit();
  place.prepare(pid);
  await agent.run();
  await loadListened(caller, init, pid, place.filter, state);
  place.schedule(pid);
  const { path, args = [], env = home?.environment(init) ?? place.env } = hook;
  const words = args.length === 0 ? [path] : args;
  const { filter, annotations } = place;
  const execution = { path, args: words, env: withTrace(env, wanted), preservedFds: 0, filter, annotations };
  await execute(agent, execution, where, "the hook");
  return agent;
}

/** A hook's environment with TRACEPARENT, unless config.json gives it another. */
function withTrace(env: readonly string[], { hook, traceparent }: Spawn): readonly string[] {
  if (traceparent === null || variable(hook.env ?? [], "TRACEPARENT") !== undefined) return env;
  return [...env, `TRACEPARENT=${traceparent}`];
}
