/**
 * The mailbox: memory that tsrun and an agent share, and the protocol on it.
 *
 *     tsrun                                       agent
 *     writes steps, first, end                    waits on `post` (futex)
 *     lock = WAITERS; post += 1; wake(post)  ──▶  lock = TID | WAITERS
 *     adds steps, raises end                 ──▶  runs steps up to end, writes results, at, error
 *     waits on `lock` (futex)
 *     reads results                          ◀──  next = …; lock = 0; wake(lock)
 *
 * tsrun adds steps while the agent runs earlier ones. An agent that read the old end just before leaves steps between
 * `next` and `end`: then tsrun finds the lock free, and wakes it again.
 *
 * `lock` is a robust futex: when the agent dies, or becomes the container's program by execve(2), the kernel
 * itself sets OWNER_DIED and wakes tsrun. So "exec succeeded" needs no pipe, and nobody waits for the dead.
 * An agent that dies between a post and taking the lock is found by the caller's `alive` check, made
 * whenever a wait has brought nothing.
 *
 * A mailbox has a header page, its steps, and the strings and structures that they point to; mailbox-file.ts tells
 * where. Steps of later posts follow earlier ones, so results stay usable.
 */

import type { StepResult } from "../kernel/call.ts";
import { futexWait, futexWake } from "../kernel/calls.ts";
import { FUTEX_OWNER_DIED, FUTEX_WAITERS } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { attempt, here } from "../kernel/here.ts";
import { timespec } from "../kernel/structs.ts";
import { holdsWithin, isAmongOthers, waitEndlessly } from "../kernel/wait.ts";
import { MAILBOX, MAILBOX_ADDRESS } from "./layout.ts";
import { type Extent, MailboxMemory, type MappedFile, type Place, timeAt } from "./mailbox-memory.ts";
import { Program, type Results, type Step } from "./program.ts";
import { StepError } from "./step-error.ts";

/** How long one futex wait of a thread that stands still lasts before the agent's life is checked, in milliseconds. */
const LIFE_CHECK = 100;

export type Outcome =
  | { readonly kind: "done" }
  /** The agent is gone: it became the program that it was told to execute, or it died. */
  | { readonly kind: "gone" }
  | Failed;

export interface Failed {
  readonly kind: "failed";
  readonly step: number;
}

/** A step that an agent has performed; times in microseconds of CLOCK_REALTIME. */
export interface Ran {
  readonly index: number;
  readonly step: Step;
  /** What the system call returned, or the negative errno. */
  readonly result: number;
  /** 0 for one that was not traced. */
  readonly started: number;
  /** When the agent was done with it; before `started` when it never was, as with execve(2). */
  readonly ended: number;
  /** When it had come to rest before, until tsrun posted this step; null when it went on at once. */
  readonly rested: number | null;
}

/** One mailbox as tsrun sees it. */
export class Mailbox implements Results, Disposable {
  readonly program = new Program();
  /** Address of this mailbox in the agent. */
  readonly agentAddress: number;
  private readonly address: number;
  private memory: MailboxMemory | null;
  private posted = 0;
  private isTraced = false;
  /** The step that loads a seccomp filter, which may refuse the agent the clock. */
  private filterAt = Number.POSITIVE_INFINITY;
  /** The steps from this one on ran when the agent was no longer traced. */
  private tracedTo = Number.POSITIVE_INFINITY;
  /** When the agent had come to rest before it was woken for a step, while it is traced. */
  private readonly rests = new Map<number, number>();

  constructor(file: MappedFile, place: Place) {
    this.agentAddress = MAILBOX_ADDRESS + place.offset;
    this.address = file.address + place.offset;
    this.memory = new MailboxMemory(file, place);
  }

  /** Lets go of the memory, which may be unmapped then. */
  [Symbol.dispose](): void {
    this.memory = null;
  }

  private get seen(): MailboxMemory {
    if (this.memory === null) throw new Error("a mailbox is used after its memory was given back");
    return this.memory;
  }

  private get words(): Uint32Array {
    return this.seen.header;
  }

  /**
   * Lays out the steps added since the last post and lets the agent run them, when it has done those before.
   * Returns at once: tsrun goes on building the program while the agent runs its beginning.
   */
  post(): void {
    const { first, end } = this.prepare();
    this.run(first, end);
  }

  /** Lays out the steps added since the last post without posting them; returns their range. */
  prepare(): { readonly first: number; readonly end: number } {
    const first = this.posted;
    const memory = this.seen;
    const { steps } = this.program;
    const end = steps.length;
    for (let index = first; index < end; index++) {
      const step = steps[index];
      if (step === undefined) continue;
      if (step.call.name === "seccomp") this.filterAt = index;
      memory.lay(index, step);
    }
    this.posted = end;
    return { first, end };
  }

  /** Lets the agent run steps that were laid out before, perhaps by another tsrun. */
  run(first: number, end: number): void {
    const { words } = this;
    if (this.isTraced && first <= this.filterAt && this.filterAt < end) {
      this.traced = false;
      this.tracedTo = first;
    }
    // Steps that do not follow the last ones: nobody has posted them yet, and the agent must be at rest.
    if (first !== words[MAILBOX.end >> 2]) words[MAILBOX.next >> 2] = first;
    Atomics.store(words, MAILBOX.end >> 2, end);
    this.ringIfIdle();
  }

  /** After a failure: lets the agent go on with this step. */
  goOn(step: number): void {
    this.words[MAILBOX.error >> 2] = 0;
    this.words[MAILBOX.next >> 2] = step;
    this.ringIfIdle();
  }

  /** Forgets all steps, done or not, and what they have brought. The agent must be at rest, or gone. */
  clear(): void {
    const { words } = this;
    for (const word of [MAILBOX.error, MAILBOX.next, MAILBOX.end]) words[word >> 2] = 0;
    this.seen.clear(this.posted);
    this.program.clear();
    this.rests.clear();
    this.posted = 0;
  }

  /** The same, for a new agent that takes the place of one that is gone. */
  renew(): void {
    this.clear();
    Atomics.store(this.words, MAILBOX.lock >> 2, 0);
  }

  /**
   * Has the agent end when it comes to rest, or at once if it is, whatever it was told before. Nothing can be posted any
   * more.
   */
  abandon(): void {
    const { words } = this;
    this.seen.endAt(0);
    words[MAILBOX.first >> 2] = 0;
    Atomics.store(words, MAILBOX.end >> 2, 1);
    Atomics.add(words, MAILBOX.post >> 2, 1);
    here(futexWake(this.address + MAILBOX.post));
  }

  /** Wakes an agent that has steps left. One that runs sees the new end, or has just missed it: `outcome` looks. */
  private ringIfIdle(): boolean {
    const { words } = this;
    if (Atomics.load(words, MAILBOX.lock >> 2) !== 0 || this.errno !== 0) return false;
    const next = words[MAILBOX.next >> 2] ?? 0;
    if (next >= Atomics.load(words, MAILBOX.end >> 2)) return false;
    if (this.isTraced) this.rests.set(next, timeAt(words, MAILBOX.rested >> 2));
    words[MAILBOX.first >> 2] = next;
    Atomics.store(words, MAILBOX.lock >> 2, FUTEX_WAITERS);
    Atomics.add(words, MAILBOX.post >> 2, 1);
    here(futexWake(this.address + MAILBOX.post));
    return true;
  }

  /** Waits until all that was posted has been done, or has ended otherwise. */
  outcome(alive: () => boolean): Promise<Outcome> {
    return isAmongOthers()
      ? this.outcomeAmongOthers(alive)
      : waitEndlessly((still) => this.outcomeWithin(still, alive));
  }

  private async outcomeAmongOthers(alive: () => boolean): Promise<Outcome> {
    const { changed } = await import("../kernel/futexes.ts");
    const load = () => Atomics.load(this.words, MAILBOX.lock >> 2);
    for (;;) {
      const outcome = this.outcomeWithin(0, () => true);
      if (outcome !== false) return outcome;
      const value = load();
      if (value === 0 || (await changed(this.address + MAILBOX.lock, value, load, LIFE_CHECK))) continue;
      if (!alive() && load() === value) return { kind: "gone" };
    }
  }

  /** The same where nothing else can be done meanwhile: the thread stands still. */
  outcomeBlocking(alive: () => boolean): Outcome {
    for (;;) {
      const outcome = this.outcomeWithin(LIFE_CHECK, alive);
      if (outcome !== false) return outcome;
    }
  }

  /** The same for so many milliseconds: then false if the agent lives and has not come to its end. */
  private outcomeWithin(milliseconds: number, alive: () => boolean): Outcome | false {
    const lock = MAILBOX.lock >> 2;
    for (;;) {
      const value = Atomics.load(this.words, lock);
      if (value === 0 && !this.ringIfIdle()) break;
      if ((value & FUTEX_OWNER_DIED) !== 0) return { kind: "gone" };
      if (value === 0) continue;
      const result = attempt(futexWait(this.address + MAILBOX.lock, value, timespec(milliseconds)));
      if (result === 0 || result === -ERRNO.EAGAIN) continue;
      if (Atomics.load(this.words, lock) !== value) continue;
      return alive() || Atomics.load(this.words, lock) !== value ? false : { kind: "gone" };
    }
    if (this.errno === 0) return { kind: "done" };
    return { kind: "failed", step: this.words[MAILBOX.at >> 2] ?? 0 };
  }

  /** Waits until the agent has done a step, or rests or is gone before. Returns whether it has done it. */
  async past({ step }: StepResult, alive: () => boolean): Promise<boolean> {
    const { words } = this;
    // `next` is told when it rests.
    const isPast = () => Math.max(words[MAILBOX.at >> 2] ?? 0, words[MAILBOX.next >> 2] ?? 0) > step;
    const rests = () => {
      const lock = Atomics.load(words, MAILBOX.lock >> 2);
      return (lock === 0 && !this.ringIfIdle()) || (lock & FUTEX_OWNER_DIED) !== 0;
    };
    await waitEndlessly((still) => holdsWithin(() => isPast() || rests(), still) || !alive());
    return isPast();
  }

  /** errno of the step that failed. */
  get errno(): number {
    return this.words[MAILBOX.error >> 2] ?? 0;
  }

  /** The failure of `step` as an error with its owner. */
  failure(step: number): StepError {
    const failed = this.program.steps[step];
    if (failed === undefined) throw new Error(`the agent failed at step ${step}, which was never posted`);
    return new StepError(failed, this.errno);
  }

  /** A step's result: what the system call returned, or the negative errno. */
  result(step: { readonly step: number }): number {
    return this.seen.result(step.step);
  }

  /** What the kernel wrote into the room of a step's call; no more of it than `most` bytes are looked at. */
  filled(step: { readonly step: number }, most = Number.POSITIVE_INFINITY): Uint8Array {
    return this.seen.filled(step.step, most);
  }

  /** Asks the agent to note when each step starts, and when it comes to rest. */
  set traced(on: boolean) {
    this.words[MAILBOX.traced >> 2] = on ? 1 : 0;
    this.isTraced = on;
  }

  /** The steps that ran while they were traced, and those after it; with `all`, those too that were only laid out. */
  *ran(all = false): Generator<Ran> {
    let before: Ran | null = null;
    for (const [index, step] of this.program.steps.entries()) {
      if (index >= this.posted) break;
      const started = this.seen.started(index);
      if (started === 0 && !all && index < this.tracedTo) continue;
      const result = this.result({ step: index });
      const rested = this.restBetween(before?.index ?? -1, index);
      if (before !== null) yield { ...before, ended: rested ?? started };
      before = { index, step, result, started, rested, ended: 0 };
    }
    if (before !== null) yield { ...before, ended: Math.max(0, timeAt(this.words, MAILBOX.rested >> 2)) };
  }

  /** When the agent came to rest before it went on with a step after `before`, up to `index`. */
  private restBetween(before: number, index: number): number | null {
    for (let step = index; step > before; step--) {
      const rested = this.rests.get(step) ?? 0;
      if (rested > 0) return rested;
    }
    return null;
  }

  /** Puts bytes into the mailbox; returns their address in the agent. */
  place(bytes: Uint8Array): number {
    return this.seen.place(bytes);
  }

  /** Where data is, with so much room for more. */
  dataWithRoom(more: number): readonly Extent[] {
    return this.seen.dataWithRoom(more);
  }
}
