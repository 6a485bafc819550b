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
 * tsrun adds steps while the agent runs those before. One that saw the old end just before leaves steps
 * between `next` and `end`: then tsrun, finding the lock free, wakes it again.
 *
 * `lock` is a robust futex: when the agent dies, or becomes the container's program by execve(2), the kernel
 * itself sets OWNER_DIED and wakes tsrun. So "exec succeeded" needs no pipe, and nobody waits for the dead.
 * An agent that dies between a post and taking the lock is found by the caller's `alive` check, made
 * every 100 ms.
 *
 * A mailbox file holds one mailbox after another, each with a header page, its steps, and the strings and
 * structures that they point to. Steps of later posts follow earlier ones, so results stay usable.
 */

import type { Argument } from "../kernel/call.ts";
import { futexWait, futexWake } from "../kernel/calls.ts";
import { FUTEX_OWNER_DIED, FUTEX_WAITERS } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { attempt, here } from "../kernel/here.ts";
import { timespec } from "../kernel/structs.ts";
import { syscallNumber } from "../kernel/syscall-numbers.ts";
import {
  CLONE,
  COMPARE,
  MAILBOX,
  MAILBOX_ADDRESS,
  MOVE,
  STEP,
  STEPS_OFFSET,
  TOLERATE_ALL,
} from "./layout.ts";
import { Program, type Results, type Step } from "./program.ts";
import { RoomError, StepError } from "./step-error.ts";

/** How long one futex wait lasts before the agent's life is checked, in milliseconds. */
const LIFE_CHECK = timespec(100);

const encoder = new TextEncoder();

/** One mailbox's place in the file: header page, steps, then the strings and structures that they point to. */
export interface Place {
  readonly offset: number;
  readonly data: number;
  readonly end: number;
}

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
export class Mailbox implements Results {
  readonly program = new Program();
  /** Address of this mailbox in the agent. */
  readonly agentAddress: number;
  private readonly address: number;
  private readonly words: Uint32Array;
  private readonly bytes: Uint8Array;
  private posted = 0;
  private data: number;
  private readonly end: number;
  private readonly stepsEnd: number;
  /** The step that is being laid out. */
  private encoded: Step | null = null;
  private isTraced = false;
  /** The step that loads a seccomp filter, which may refuse the agent the clock. */
  private filterAt = Number.POSITIVE_INFINITY;
  /** The steps from this one on ran when the agent was no longer traced. */
  private tracedTo = Number.POSITIVE_INFINITY;
  /** When the agent had come to rest before it was woken for a step, while it is traced. */
  private readonly rests = new Map<number, number>();
  /** Where the rooms are that the kernel fills in the agent, by step. */
  private readonly rooms = new Map<number, { readonly at: number; readonly length: number }>();

  constructor(bytes: Uint8Array, address: number, place: Place) {
    this.agentAddress = MAILBOX_ADDRESS + place.offset;
    this.address = address;
    this.bytes = bytes;
    this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
    this.data = place.data - place.offset;
    this.end = place.end - place.offset;
    this.stepsEnd = this.data;
  }

  /** Bytes in the file. */
  get length(): number {
    return this.end;
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
    const end = this.program.steps.length;
    for (let index = first; index < end; index++) this.encode(index);
    this.encoded = null;
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

  /** Wakes an agent that has steps left. One that runs sees the new end, or has just missed it: `outcome` looks. */
  private ringIfIdle(): boolean {
    const { words } = this;
    if (Atomics.load(words, MAILBOX.lock >> 2) !== 0 || this.errno !== 0) return false;
    const next = words[MAILBOX.next >> 2] ?? 0;
    if (next >= Atomics.load(words, MAILBOX.end >> 2)) return false;
    if (this.isTraced) this.rests.set(next, this.time(MAILBOX.rested));
    words[MAILBOX.first >> 2] = next;
    Atomics.store(words, MAILBOX.lock >> 2, FUTEX_WAITERS);
    Atomics.add(words, MAILBOX.post >> 2, 1);
    here(futexWake(this.address + MAILBOX.post));
    return true;
  }

  /** Waits until all that was posted has been done, or has ended otherwise. */
  outcome(alive: () => boolean): Outcome {
    const lock = MAILBOX.lock >> 2;
    for (;;) {
      const value = Atomics.load(this.words, lock);
      if (value === 0 && !this.ringIfIdle()) break;
      if ((value & FUTEX_OWNER_DIED) !== 0) return { kind: "gone" };
      if (value === 0) continue;
      const result = attempt(futexWait(this.address + MAILBOX.lock, value, LIFE_CHECK));
      if (result === -ERRNO.ETIMEDOUT && !alive() && Atomics.load(this.words, lock) === value)
        return { kind: "gone" };
    }
    if (this.errno === 0) return { kind: "done" };
    return { kind: "failed", step: this.words[MAILBOX.at >> 2] ?? 0 };
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
    return signed(this.words, (STEPS_OFFSET + step.step * STEP.size + STEP.result) >> 2);
  }

  /** What the kernel wrote into the room of a step's call; no more of it than `most` bytes are looked at. */
  filled(step: { readonly step: number }, most = Number.POSITIVE_INFINITY): Uint8Array {
    const { at, length } = this.rooms.get(step.step) ?? { at: 0, length: 0 };
    return this.bytes.slice(at, at + Math.min(length, most));
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
      const started = this.time(STEPS_OFFSET + index * STEP.size + STEP.started);
      if (started === 0 && !all && index < this.tracedTo) continue;
      const result = this.result({ step: index });
      const rested = this.restBetween(before?.index ?? -1, index);
      if (before !== null) yield { ...before, ended: rested ?? started };
      before = { index, step, result, started, rested, ended: 0 };
    }
    if (before !== null) yield { ...before, ended: Math.max(0, this.time(MAILBOX.rested)) };
  }

  /** When the agent came to rest before it went on with a step after `before`, up to `index`. */
  private restBetween(before: number, index: number): number | null {
    for (let step = index; step > before; step--) {
      const rested = this.rests.get(step) ?? 0;
      if (rested > 0) return rested;
    }
    return null;
  }

  /** A `struct timespec` in the mailbox, in microseconds; 0 for none. */
  private time(at: number): number {
    return signed(this.words, at >> 2) * 1e6 + Math.floor(signed(this.words, (at >> 2) + 2) / 1e3);
  }

  private encode(index: number): void {
    const { words } = this;
    const step = this.program.steps[index];
    if (step === undefined) return;
    this.encoded = step;
    if (STEPS_OFFSET + (index + 1) * STEP.size > this.stepsEnd) throw noRoomFor(step);
    const at = (STEPS_OFFSET + index * STEP.size) >> 2;
    const { name, args } = step.call;
    if (name === "seccomp") this.filterAt = index;
    const number =
      name === "clone3" ? CLONE : name === "compare" ? COMPARE : name === "move" ? MOVE : syscallNumber(name);
    let references = 0;
    for (let i = 0; i < args.length; i++) {
      const argument = args[i];
      if (argument === undefined) continue;
      if (typeof argument === "object" && "step" in argument) references |= 1 << i;
      if (typeof argument === "object" && "room" in argument)
        this.rooms.set(index, { at: this.data, length: argument.room });
      this.setArgument(at + (STEP.argument >> 2) + i * 2, argument);
    }
    if (step.nextMailbox !== undefined) this.setWord(at + (STEP.argument >> 2) + 4, step.nextMailbox);
    const [first = 0, second = 0, third = 0] = step.tolerate === "all" ? [TOLERATE_ALL] : step.tolerate;
    words[at] = number;
    words[at + 1] = references | (step.skipOnSuccess << 16);
    words[at + 2] = step.skipOnError | (first << 16);
    words[at + 3] = second | (third << 16);
  }

  private setArgument(at: number, argument: Argument): void {
    if (typeof argument === "number") this.setWord(at, argument);
    else if (typeof argument === "bigint") {
      this.words[at] = Number(argument & 0xffff_ffffn);
      this.words[at + 1] = Number((argument >> 32n) & 0xffff_ffffn);
    } else if (typeof argument === "string") this.setWord(at, this.text(argument));
    else if (argument instanceof Uint8Array) this.setWord(at, this.place(argument));
    else if ("room" in argument) this.setWord(at, this.agentAddress + this.reserve(argument.room));
    else if ("texts" in argument) this.setWord(at, this.texts(argument.texts));
    else this.setWord(at, argument.step);
  }

  private setWord(at: number, value: number): void {
    this.words[at] = value;
    this.words[at + 1] = Math.floor(value / 2 ** 32);
  }

  /** Puts bytes into the mailbox; returns their address in the agent. */
  place(bytes: Uint8Array): number {
    const at = this.reserve(bytes.byteLength);
    this.bytes.set(bytes, at);
    return this.agentAddress + at;
  }

  /** Puts a C string into the mailbox; returns its address in the agent. */
  text(text: string): number {
    if (this.data + text.length * 3 + 1 > this.end) return this.place(encoder.encode(`${text}\0`));
    const { written } = encoder.encodeInto(text, this.bytes.subarray(this.data));
    const at = this.data;
    this.bytes[at + written] = 0;
    this.data += (written + 8) & ~7;
    return this.agentAddress + at;
  }

  /** Puts a NULL-terminated array of C strings (argv, envp) into the mailbox; returns its address in the agent. */
  private texts(texts: readonly string[]): number {
    const vector = this.reserve((texts.length + 1) * 8);
    for (const [index, text] of texts.entries()) this.setWord((vector >> 2) + index * 2, this.text(text));
    return this.agentAddress + vector;
  }

  private reserve(length: number): number {
    const at = this.data;
    this.data += (length + 7) & ~7;
    if (this.data > this.end) throw noRoomFor(this.encoded);
    return at;
  }
}

/** There is room for all that a config says. Only the links of an image make its paths longer than they look. */
function noRoomFor(step: Step | null): RoomError {
  if (step === null || step.call.name === "execve")
    return new RoomError("config.json", "process.args and process.env are too long");
  return new RoomError(step.owner, "takes more than the room that there is for it");
}

function signed(words: Uint32Array, at: number): number {
  return (words[at] ?? 0) + ((words[at + 1] ?? 0) | 0) * 2 ** 32;
}
