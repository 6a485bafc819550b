/**
 * Starts agents: the stage (a short-lived child on the host that joins namespaces and clones) and through it the
 * init, tsrun's own child thanks to CLONE_PARENT.
 *
 *     tsrun ── posix_spawn ──▶ stage: setns … ── clone3 ──▶ init: serves the second mailbox
 *                              exit
 *
 * A stage is needed because namespaces are joined by single-threaded processes only, and Bun has threads.
 */
import type { Caller } from "../../agent/caller.ts";
import { dieWithTsrun } from "../../agent/life.ts";
import type { Failed, Mailbox, Outcome } from "../../agent/mailbox.ts";
import { MailboxFile, type MailboxFileOptions } from "../../agent/mailbox-file.ts";
import type { Program } from "../../agent/program.ts";
import type { StepResult } from "../../kernel/call.ts";
import {
  CWD,
  close,
  dup3,
  eventfd2,
  exitGroup,
  openat,
  prctl,
  setns,
  unshare,
  write,
} from "../../kernel/calls.ts";
import {
  CLONE_FILES,
  CLONE_INTO_CGROUP,
  CLONE_NEWCGROUP,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_PARENT,
  O_CLOEXEC,
  O_WRONLY,
  PR_SET_DUMPABLE,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { cloneArgs } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";
import { MOST_TRIES } from "../../linux/inside.ts";
import { cloneFlags, type Join, type NamespacePlan } from "../../linux/namespaces.ts";
import { kernelWords } from "./kernel-words.ts";

/** Kinds that the init makes itself (cgroup) or the stage makes before it (time). */
const NOT_CLONED: ReadonlySet<string> = new Set(["cgroup", "time"]);

export interface LaunchOptions extends MailboxFileOptions {
  /** Descriptors that are closed, and must stay so for the container's process; see caller-descriptors.ts. */
  readonly gaps?: readonly number[];
  /** Adds what the stage does first, on the host. */
  readonly prepare?: (stage: Program) => void;
  /** Whether the stage waits for `release` before it makes the init. */
  readonly held?: boolean;
  /** Moves the stage into the cgroup that the init is to be born in. */
  readonly admit?: ((stage: number) => void) | null;
}

/** A stage on its way; `init` waits for it. */
export class Launch {
  readonly caller: Caller;
  readonly init: Mailbox;
  readonly parked: Mailbox;
  /** The mailbox of an agent that stays the host's and shares the init's descriptors; null without `hasHost`. */
  readonly host: Mailbox | null;
  private readonly stage: Mailbox;
  private readonly clone: StepResult;
  private readonly hostClone: StepResult | null;
  readonly stagePid: number;
  private held: boolean;
  private reaped = false;
  private hostEnded = false;
  private initPid: number | null = null;

  /**
   * `fd` is an empty file for the mailboxes, open until all is laid out. `cgroupFd` is the cgroup directory that the init is born in. With null that is the stage's cgroup: tsrun's own,
   * unless the stage is moved.
   */
  constructor(
    caller: Caller,
    fd: number,
    namespaces: NamespacePlan,
    cgroupFd: number | null,
    { gaps = [], prepare = () => {}, admit = null, held = admit !== null, ...options }: LaunchOptions = {},
  ) {
    const { stage, init, parked, host } = new MailboxFile(fd, options);
    this.caller = caller;
    this.stage = stage;
    this.init = init;
    this.parked = parked;
    this.host = host;
    this.held = held;
    const passed = passTo(caller, fd, namespaces, cgroupFd);
    if (gaps.length > 0) holdPlaces(this.stage.program, gaps);
    prepare(this.stage.program);
    this.hostClone = addEntry(caller, this.stage.program, passed.namespaces, host);
    if (held) this.stage.post();
    const shared = host === null ? 0 : CLONE_FILES;
    this.clone = addClone(this.stage.program, namespaces, passed.cgroup, this.init.agentAddress, shared);
    if (!held) this.stage.post();
    // tsrun may be killed before it posts anything else.
    dieWithTsrun(this.init.program.by("container's init"));
    addJoins(caller, this.init.program, passed.namespaces, true);
    this.init.post();
    if (host !== null) dieWithTsrun(host.program.by("host agent"));
    host?.post();
    this.stagePid = caller.start(passed.mailbox);
    if (admit !== null) this.releaseTo(admit);
  }

  private releaseTo(admit: (stage: number) => void): void {
    try {
      admit(this.stagePid);
    } catch (error) {
      this.abort();
      throw error;
    }
    this.release();
  }

  /** Lets a stage that was held go on. */
  release(): void {
    if (this.held) this.stage.post();
    this.held = false;
  }

  /** Waits for the clone; returns the init's pid. @throws StepError */
  waitForInit(): number {
    this.initPid ??= this.waitForClone();
    return this.initPid;
  }

  /** The pid of the host agent, once the stage has made it; else 0. */
  hostPid(): number {
    return this.hostClone === null ? 0 : this.stage.result(this.hostClone);
  }

  /** Ends the host agent. */
  endHost(): void {
    const pid = this.hostPid();
    if (pid > 0 && !this.hostEnded) this.caller.end(pid);
    this.hostEnded = true;
  }

  /** Ends the stage and the init, whatever they are doing. */
  abort(): void {
    if (this.held) {
      this.stage.outcome(() => !this.stageEnded()); // the steps before it is held don't block
      this.endHost();
      if (!this.stageEnded()) this.caller.end(this.stagePid);
      return;
    }
    try {
      this.abortInit();
    } finally {
      this.endHost();
    }
  }

  private abortInit(): void {
    try {
      this.caller.end(this.waitForInit());
    } catch (error) {
      if (!(error instanceof UserError)) throw error; // there never was an init
    }
  }

  private waitForClone(): number {
    const outcome = this.stage.outcome(() => !this.stageEnded());
    if (outcome.kind === "failed") {
      const failure = this.stage.failure(outcome.step);
      this.caller.end(this.stagePid);
      throw failure;
    }
    if (!this.reaped) this.caller.reap(this.stagePid, true);
    // The stage's last step is its exit, so "gone" is its good end; without a pid it was killed.
    const pid = this.stage.result(this.clone);
    if (pid <= 0) throw new UserError("tsrun's stage process was killed before it had made the container");
    return pid;
  }

  private stageEnded(): boolean {
    this.reaped ||= this.caller.reap(this.stagePid, false) !== null;
    return this.reaped;
  }
}

/** Hands down what the stage and the init need; returns the same by the numbers that it has there. */
function passTo(caller: Caller, mailbox: number, namespaces: NamespacePlan, cgroup: number | null) {
  const { joins } = namespaces;
  const [box = -1, ...others] = caller.pass([
    mailbox,
    ...joins.map(({ fd }) => fd),
    ...(cgroup === null ? [] : [cgroup]),
  ]);
  const passed = joins.map((join, index) => ({ ...join, fd: others[index] ?? -1 }));
  return {
    mailbox: box,
    namespaces: { ...namespaces, joins: passed },
    cgroup: cgroup === null ? null : (others[joins.length] ?? -1),
  };
}

/** Keeps these descriptor numbers occupied until execve(2), so that nothing is opened there. */
function holdPlaces(program: Program, descriptors: readonly number[]): void {
  const one = program.by("--preserve-fds").add(eventfd2(0, O_CLOEXEC));
  // The first may be in its place already; above the limit of open files nothing can be opened anyway.
  for (const fd of descriptors) program.add(dup3(one, fd, O_CLOEXEC), [ERRNO.EINVAL, ERRNO.EBADF]);
}

/** What the stage does before it clones. Returns the step that makes the host agent, while the stage has its rights. */
export function addEntry(
  caller: Caller,
  program: Program,
  namespaces: NamespacePlan,
  host: Mailbox | null,
): StepResult | null {
  const setClocks = namespaces.timeOffsets ? addClocks(program, namespaces.timeOffsets) : null;
  program.by("stage process");
  dieWithTsrun(program);
  // An ordinary user's tsrun could not write the mappings of a process that isn't dumpable.
  const staysDumpable = namespaces.created.has("user") && caller.uid !== 0;
  if (!staysDumpable) program.add(prctl(PR_SET_DUMPABLE, 0));
  const shared = cloneArgs(CLONE_PARENT | CLONE_FILES, 0, 0);
  const hostClone = host === null ? null : program.clone(shared, host.agentAddress);
  addJoins(caller, program, namespaces, false);
  if (namespaces.created.has("time"))
    program.by("config.json: linux.namespaces (time)").add(unshare(CLONE_NEWTIME));
  setClocks?.();
  return hostClone;
}

/** The joins that the stage makes, or those that the init makes itself. */
export function addJoins(caller: Caller, program: Program, namespaces: NamespacePlan, itself: boolean): void {
  for (const join of namespaces.joins) {
    if (joinsItself(caller, join, namespaces) !== itself) continue;
    program.by(join.where).add(setns(join.fd, join.flag));
    program.add(close(join.fd));
  }
}

/**
 * The init itself joins a cgroup namespace. Where cgroup v2 is mounted with nsdelegate, as systemd mounts it, a stage
 * in that namespace could not clone into its cgroups, being outside of them itself (cgroups(7)). With a new user
 * namespace the stage has to join it, as namespaces of the host can't be joined from there. The init also joins a user
 * namespace if none of any kind is made: in there, the host's root may lack permission for the container's cgroup.
 */
function joinsItself({ uid }: Caller, { flag }: Join, { created }: NamespacePlan): boolean {
  if (flag === CLONE_NEWUSER) return created.size === 0 && uid === 0;
  return flag === CLONE_NEWCGROUP && !created.has("user");
}

/** The clone that becomes the init, and the stage's end. */
export function addClone(
  program: Program,
  namespaces: NamespacePlan,
  cgroupFd: number | null,
  childMailbox: number,
  more: number,
) {
  program.by(namespaces.created.size > 0 ? "config.json: linux.namespaces" : "a process of the container");
  const created = cloneFlags([...namespaces.created].filter((type) => !NOT_CLONED.has(type)));
  const flags = created + CLONE_PARENT + more + (cgroupFd === null ? 0 : CLONE_INTO_CGROUP);
  const clone = program.clone(cloneArgs(flags, 0, cgroupFd ?? 0), childMailbox);
  program.by("stage process").add(exitGroup(0));
  return clone;
}

/**
 * Opens the stage's file of clock offsets while the stage is dumpable and sees the host's /proc. The returned function
 * adds the write: after the time namespace is made, before a process enters it (time_namespaces(7)).
 */
function addClocks(program: Program, offsets: string): () => void {
  const where = "config.json: linux.timeOffsets";
  const file = program.by(where).add(openat(CWD, "/proc/self/timens_offsets", O_WRONLY));
  return () => {
    program.by(where).add(write(file, new TextEncoder().encode(offsets)));
    program.add(close(file));
  };
}

/** Runs what was added to the init's program since the last post. @throws UserError when the init died */
export function runInit(caller: Caller, init: Mailbox, pid: number): void {
  init.post();
  finishInit(caller, init, pid);
}

/** Waits for a posted program of the init, and checks what it found. @throws UserError too */
export function finishInit(caller: Caller, init: Mailbox, pid: number): void {
  const alive = () => caller.isRunning(pid);
  let outcome = init.outcome(alive);
  for (let tries = 0; tries < MOST_TRIES && wasRaced(init, outcome); tries++) {
    init.goOn(outcome.step);
    outcome = init.outcome(alive);
  }
  if (outcome.kind === "failed") {
    const failure = init.failure(outcome.step);
    throw failure.quote(kernelWords(init, outcome.step, () => init.outcome(alive)));
  }
  if (outcome.kind === "gone")
    throw new UserError(
      "the process was killed while it was being set up: by the OOM killer (is the memory limit too small?) or by somebody's signal",
    );
  init.program.check(init);
}

/** Whether openat2(2) gave up on a path (see MOST_TRIES). */
function wasRaced(init: Mailbox, outcome: Outcome): outcome is Failed {
  if (outcome.kind !== "failed" || init.errno !== ERRNO.EAGAIN) return false;
  return init.program.steps[outcome.step]?.call.name === "openat2";
}
