/**
 * criu(8) as a process: an agent, and so a child of the caller, that becomes `criu swrk 3`. What it restores is its
 * sibling, and inherits from it and the caller what is in no image: the session keyring, no_new_privs, the cgroup.
 *
 *     0, 1    the caller's
 *     2       a pipe to tsrun, for what criu prints before it has a log
 *     3       its end of the socket
 *     4 …     what is handed down
 *
 * It does not die with tsrun: killed in the middle of its work, it could undo nothing. It ends when the socket is closed.
 */
import type { Caller } from "../../agent/caller.ts";
import type { Program } from "../../agent/program.ts";
import { close, dup3, fcntl, pidfdOpen, ppoll, prctl } from "../../kernel/calls.ts";
import { F_DUPFD, FIRST_FD, POLLIN, PR_SET_PDEATHSIG, STDERR_FILENO } from "../../kernel/constants.ts";
import { attempt, here } from "../../kernel/here.ts";
import { seqpacketPair } from "../../kernel/socket.ts";
import { pollFd } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { Service } from "../../linux/criu/service.ts";
import { entriesOf } from "../../linux/process/environment.ts";
import { fromCaller } from "../caller/caller.ts";
import type { NewCgroup } from "../cgroup/driver.ts";
import { Agent } from "../init/agent.ts";
import { execute } from "../init/execution.ts";
import { ProcessOutput } from "../process/process-output.ts";
import { Undo } from "../state/undo.ts";

const SOCKET = FIRST_FD;
/** The first of the descriptors that are handed down to criu. */
export const FIRST_HANDED = SOCKET + 1;

interface CriuPlace {
  readonly caller: Caller;
  /** Descriptors that criu has as FIRST_HANDED and following. */
  readonly handed: readonly number[];
  /** The cgroup in which it is born, and what it restores; null for the caller's. */
  readonly cgroup: NewCgroup | null;
  /** Adds what it hands down to what it restores. */
  readonly prepare: (program: Program) => void;
}

/** Where criu is, in the caller's $PATH; `what` can't be done without it. @throws UserError */
export function findCriu(caller: Caller, what: string): string {
  const path = Bun.which("criu", { PATH: caller.env["PATH"] ?? "", cwd: fromCaller(caller, ".") });
  if (path !== null) return path;
  throw new UserError(`cannot ${what}: there is no criu in PATH; install it (Debian: criu)`);
}

/** A criu that runs. Whoever disposes of it waits for its end. */
export class CriuProcess implements Service, AsyncDisposable {
  readonly socket: number;
  private readonly caller: Caller;
  private readonly pid: number;
  private readonly pidfd: number;
  private readonly output: ProcessOutput;
  private ended = false;

  private constructor(
    caller: Caller,
    pid: number,
    opened: { readonly pidfd: number; readonly socket: number; readonly output: ProcessOutput },
  ) {
    this.caller = caller;
    this.pid = pid;
    this.pidfd = opened.pidfd;
    this.socket = opened.socket;
    this.output = opened.output;
  }

  /** Starts the criu at `path`. @throws UserError */
  static async start(path: string, { caller, handed, cgroup, prepare }: CriuPlace): Promise<CriuProcess> {
    await using undo = new Undo();
    const [socket, its] = seqpacketPair();
    undo.add(() => here(close(socket)));
    undo.always(() => here(close(its)));
    const output = new ProcessOutput();
    undo.add(() => output.close());
    const passed = caller.pass([output.writeEnd, its, ...handed]);
    const agent = Agent.start(caller, { created: new Set(), joins: [] }, cgroup?.fd ?? null, {
      moveStage: cgroup?.startScope === undefined ? null : (stage) => enterScope(cgroup, stage),
    });
    undo.always(() => agent[Symbol.asyncDispose]());
    const { program } = agent.init;
    prepare(program);
    program.by("criu").add(prctl(PR_SET_PDEATHSIG, 0));
    placeDescriptors(program, passed);
    const pid = await agent.waitForInit();
    const pidfd = here(pidfdOpen(pid));
    undo.add(() => here(close(pidfd)));
    cgroup?.applyLimits();
    const args = [path, "swrk", String(SOCKET)];
    const preservedFds = FIRST_HANDED - FIRST_FD + handed.length;
    const env = entriesOf(caller.env);
    await execute(agent, { path, args, env, preservedFds, filter: null }, "criu", path);
    output.closeWriteEnd();
    agent.keep();
    undo.keep();
    return new CriuProcess(caller, pid, { pidfd, socket, output });
  }

  async hasAnswered(): Promise<boolean> {
    // Another agent that was just started may have criu's end of the socket too, so that its end does not close that.
    await this.output.until([this.socket, this.pidfd], Number.POSITIVE_INFINITY);
    return attempt(ppoll(pollFd(this.socket, POLLIN), 0)) > 0;
  }

  /** Waits for its end; returns what it has printed. */
  async end(): Promise<string> {
    if (this.ended) return "";
    this.ended = true;
    here(close(this.socket));
    await this.output.until([this.pidfd], Number.POSITIVE_INFINITY);
    this.caller.reap(this.pid, true);
    const printed = this.output.printed();
    this.output.close();
    here(close(this.pidfd));
    return printed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

async function enterScope(cgroup: NewCgroup, stage: number): Promise<void> {
  cgroup.startScope?.(stage);
  await cgroup.waitForScope?.();
}

/** Moves these to standard error and what follows; at first out of the way, as one may be where another is to be. */
function placeDescriptors(program: Program, passed: readonly number[]): void {
  const free = STDERR_FILENO + passed.length;
  const copies = passed.map((fd) => program.add(fcntl(fd, F_DUPFD, free)));
  for (const [index, copy] of copies.entries()) program.add(dup3(copy, STDERR_FILENO + index, 0));
}
