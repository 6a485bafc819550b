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
import type { Mailbox } from "../../agent/mailbox.ts";
import { MailboxFile, type MailboxFileOptions, type Parked } from "../../agent/mailbox-file.ts";
import type { Program } from "../../agent/program.ts";
import type { StepResult } from "../../kernel/call.ts";
import { CLONE_FILES } from "../../kernel/constants.ts";
import { Opened } from "../../kernel/opened.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { NamespacePlan } from "../../linux/namespaces.ts";
import { isKilled, pidIn } from "../state/process-info.ts";
import { runInit } from "./run-init.ts";
import { addClone, addEntry, addJoins, addLooks, holdPlaces, passTo } from "./stage-program.ts";

/** How long a killed stage may take to die in a look, in milliseconds. */
const LOOK_PATIENCE = 1000;

interface AgentOptions extends MailboxFileOptions {
  /** Descriptors that are closed, and must stay so for the container's process; see caller-descriptors.ts. */
  readonly gaps?: readonly number[];
  /** Descriptors that the stage needs besides. */
  readonly pass?: readonly number[];
  /** Adds what the stage does first, on the host; `passed` are those as the stage knows them. */
  readonly prepare?: (stage: Program, passed: readonly number[]) => void;
  /** Paths of the host that the stage looks at; see `looked`. */
  readonly looks?: readonly string[];
  /** Whether the stage waits for `release` before it makes the init. */
  readonly held?: boolean;
  /** Moves the stage into the cgroup that the init is to be born in; done when the init is waited for. */
  readonly moveStage?: ((stage: number) => Promise<void>) | null;
}

/**
 * The agent that becomes a process, and its helpers. Disposing of it ends them, unless it is kept, and frees their
 * memory.
 */
export class Agent implements AsyncDisposable {
  readonly caller: Caller;
  private readonly boxes: MailboxFile;
  /** The boxes' descriptor, as the caller knows it. */
  private readonly mailbox: number;
  private readonly clone: StepResult;
  private lastLook: StepResult | null = null;
  private readonly hostClone: StepResult | null;
  private spawned = 0;
  private held: boolean;
  private readonly moveStage: ((stage: number) => Promise<void>) | null;
  private reaped = false;
  private hostEnded = false;
  private initPid: number | null = null;
  private kept = false;

  /**
   * Starts a stage; `waitForInit` waits for what it makes. `cgroupFd` is the cgroup directory that the init is born in.
   * With null the init is born in the stage's cgroup, which is tsrun's own unless the stage is moved. @throws UserError
   */
  static start(
    caller: Caller,
    namespaces: NamespacePlan,
    cgroupFd: number | null,
    options: AgentOptions = {},
  ): Agent {
    const agent = new Agent(caller, namespaces, cgroupFd, options);
    try {
      agent.spawned = caller.start(agent.mailbox);
      return agent;
    } catch (error) {
      agent.boxes.abandon(); // a caller that died may have started it before
      agent.boxes[Symbol.dispose]();
      throw error;
    }
  }

  /** Lays out the first programs of all. */
  private constructor(
    caller: Caller,
    namespaces: NamespacePlan,
    cgroupFd: number | null,
    { gaps = [], pass = [], looks = [], prepare, moveStage = null, ...others }: AgentOptions,
  ) {
    const { held = moveStage !== null, ...options } = others;
    using opened = new Opened();
    this.boxes = opened.use(new MailboxFile(options));
    const { stage, init, host } = this.boxes;
    this.caller = caller;
    this.held = held;
    this.moveStage = moveStage;
    const passed = passTo(caller, this.boxes.fd, namespaces, cgroupFd, pass);
    this.mailbox = passed.mailbox;
    if (gaps.length > 0) holdPlaces(stage.program, gaps);
    prepare?.(stage.program, passed.more);
    this.hostClone = addEntry(caller, stage.program, passed.namespaces, host, (program) => {
      this.lastLook = addLooks(program, looks);
    });
    if (held) stage.post();
    const shared = host === null ? 0 : CLONE_FILES;
    this.clone = addClone(stage.program, namespaces, passed.cgroup, init.agentAddress, shared);
    if (!held) stage.post();
    // tsrun may be killed before it posts anything else.
    dieWithTsrun(init.program.by("container's init"));
    addJoins(caller, init.program, passed.namespaces, true);
    init.post();
    if (host !== null) dieWithTsrun(host.program.by("host agent"));
    host?.post();
    opened.move();
  }

  get init(): Mailbox {
    return this.boxes.init;
  }

  get parked(): Mailbox {
    return this.boxes.parked;
  }

  /** The mailbox of the host agent, which shares the init's descriptors; null without `hasHost`. */
  get host(): Mailbox | null {
    return this.boxes.host;
  }

  get stagePid(): number {
    return this.spawned;
  }

  private get stage(): Mailbox {
    return this.boxes.stage;
  }

  /** Lets a stage that was held go on. */
  release(): void {
    if (this.held) this.stage.post();
    this.held = false;
  }

  /** Waits until the stage has looked at all that it is to look at. @throws UserError when it has ended before */
  async looked(): Promise<void> {
    const { lastLook } = this;
    if (lastLook === null) return;
    // Who is killed in such a look may not die before the file system answers.
    const lives = () => this.caller.isRunning(this.spawned) && !isKilled(this.spawned);
    if (!(await this.stage.past(lastLook, lives)))
      throw new UserError("tsrun's stage process was killed before it had made the container");
    this.lastLook = null;
  }

  /** Waits for the clone; returns the init's pid. @throws StepError */
  async waitForInit(): Promise<number> {
    if (this.held && this.moveStage !== null) {
      await this.moveStage(this.spawned);
      this.release();
    }
    this.initPid ??= await this.waitForClone();
    return this.initPid;
  }

  /** The pid of the host agent, once the stage has made it; else 0. */
  hostPid(): number {
    return this.hostClone === null ? 0 : this.stage.result(this.hostClone);
  }

  /** Ends the host agent. */
  async endHost(): Promise<void> {
    const pid = this.hostEnded ? 0 : this.hostPid();
    this.hostEnded = true;
    if (pid > 0) await this.caller.end(pid);
  }

  /** Runs what was added to the init's program since the last post. @throws UserError */
  async run(): Promise<void> {
    await runInit(this.caller, this.init, await this.waitForInit());
  }

  /** The process outlives this value: it is the container's by now. Returns its mailbox, which is still mapped. */
  keep(): Parked {
    this.kept = true;
    return { parked: this.parked, [Symbol.dispose]: () => this.boxes[Symbol.dispose]() };
  }

  /** Ends the stage and the init, whatever they are doing, and gives all memory back. */
  async [Symbol.asyncDispose](): Promise<void> {
    using _ = this.boxes;
    try {
      if (!this.kept && this.spawned !== 0) await this.abort();
    } finally {
      if (!this.kept) this.boxes.abandon(); // without its caller nobody can kill an agent that asks too late to die with it
      this.kept = true;
    }
  }

  private async abort(): Promise<void> {
    if (this.lastLook !== null && !(await this.endStage())) return;
    if (this.held) {
      await this.stage.outcome(() => !this.stageEnded()); // the steps up to there don't block
      await this.endHost();
      if (!this.stageEnded()) await this.caller.end(this.spawned);
      return;
    }
    try {
      await this.abortInit();
    } finally {
      await this.endHost();
    }
  }

  /** Returns whether it has died; one that may be in a look for ever has made nothing yet, and will not. */
  private async endStage(): Promise<boolean> {
    if (this.stageEnded()) return true;
    await this.caller.end(this.spawned, LOOK_PATIENCE);
    this.reaped = !this.caller.isRunning(this.spawned);
    return this.reaped;
  }

  private async abortInit(): Promise<void> {
    try {
      await this.caller.end(await this.waitForInit());
    } catch (error) {
      if (!(error instanceof UserError)) throw error; // there never was an init
    }
  }

  private async waitForClone(): Promise<number> {
    const outcome = await this.stage.outcome(() => !this.stageEnded());
    if (outcome.kind === "failed") {
      if (!this.stageEnded()) await this.caller.end(this.spawned);
      this.reaped = true;
      throw this.stage.failure(outcome.step);
    }
    if (!this.reaped) this.caller.forget(this.spawned);
    this.reaped = true;
    // The stage's last step is its exit, so "gone" is success; but without a pid it was killed.
    return pidIn(this.stage.result(this.clone));
  }

  private stageEnded(): boolean {
    this.reaped ||= this.caller.reap(this.spawned, false) !== null;
    return this.reaped;
  }
}
