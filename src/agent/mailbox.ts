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
 * A mailbox has a header page, its steps, and the strings and structures that they point to; mailbox-file.ts tells
 * where. Steps of later posts follow earlier ones, so results stay usable.
 */

import type { Argument } from "../kernel/call.ts";
import { futexWait, futexWake } from "../kernel/calls.ts";
import { FUTEX_OWNER_DIED, FUTEX_WAITERS } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { attempt, here } from "../kernel/here.ts";
import { timespec } from "../kernel/structs.ts";
import { syscallNumber } from "../kernel/syscall-numbers.ts";
import { UserError } from "../kernel/user-error.ts";
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
import { StepError } from "./step-error.ts";

/** How long one futex wait lasts before the agent's life is checked, in milliseconds. */
const LIFE_CHECK = timespec(100);

const encoder = new TextEncoder();

/** A part of the mailbox file, by its offsets. */
export interface Extent {
  readonly from: number;
  readonly to: number;
}

/** One mailbox's place in the file: a header page and the steps, and the first of the data that they point to. */
export interface Place {
  readonly offset: number;
  readonly stepsEnd: number;
  readonly data: Extent;
}

/** The mapped file that a mailbox lies in. */
export interface Memory {
  readonly address: number;
  /** A part of the file, with memory behind it. */
  at(from: number, to: number): Uint8Array;
  /** Where a new piece of the file is, of this length or, as there is no more, of `least`; null if even that is too much. */
  piece(length: number, least: number): Extent | null;
}

/** Steps are mapped by so many, which begin with a page and end with one. */
const STEPS_AT_ONCE = 512;
export const STEPS_BYTES = STEPS_AT_ONCE * STEP.size;
/** The first piece of data that is added; each is twice as long as the one before. */
const FIRST_PIECE = 0x1_0000;

/** Memory that both sides see. */
class Part {
  readonly from: number;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;

  constructor(memory: Memory, { from, to }: Extent) {
    this.from = from;
    this.bytes = memory.at(from, to);
    this.words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength >> 2);
  }
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

/** A mailbox's memory as JavaScript sees it. */
interface Views {
  /** The header. */
  readonly words: Uint32Array;
  /** The steps, by STEPS_AT_ONCE. */
  readonly steps: Uint32Array[];
  /** Where data goes at present. */
  data: Part;
  /** What the kernel fills in the agent, by step. */
  readonly rooms: Map<number, Uint8Array>;
}

/** One mailbox as tsrun sees it. */
export class Mailbox implements Results, Disposable {
  readonly program = new Program();
  /** Address of this mailbox in the agent. */
  readonly agentAddress: number;
  private readonly address: number;
  private readonly memory: Memory;
  private readonly own: Place;
  private views: Views | null;
  /** How much of the present piece of data is used. */
  private used = 0;
  private readonly extents: Extent[];
  private posted = 0;
  /** The step that is being laid out. */
  private encoded: Step | null = null;
  private isTraced = false;
  /** The step that loads a seccomp filter, which may refuse the agent the clock. */
  private filterAt = Number.POSITIVE_INFINITY;
  /** The steps from this one on ran when the agent was no longer traced. */
  private tracedTo = Number.POSITIVE_INFINITY;
  /** When the agent had come to rest before it was woken for a step, while it is traced. */
  private readonly rests = new Map<number, number>();

  constructor(memory: Memory, place: Place) {
    const { offset, data } = place;
    this.agentAddress = MAILBOX_ADDRESS + offset;
    this.address = memory.address + offset;
    this.memory = memory;
    this.own = place;
    const { words } = new Part(memory, { from: offset, to: offset + STEPS_OFFSET });
    this.views = { words, steps: [], data: new Part(memory, data), rooms: new Map() };
    this.extents = [data];
  }

  /** Lets go of the memory, which may be unmapped then. */
  [Symbol.dispose](): void {
    this.views = null;
  }

  private get seen(): Views {
    if (this.views === null) throw new Error("a mailbox is used after its memory was given back");
    return this.views;
  }

  private get words(): Uint32Array {
    return this.seen.words;
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

  /** Gives up what is left of the steps posted so far, after a failure, or when the agent has gone and another one comes. */
  renew(): void {
    const { words } = this;
    words[MAILBOX.error >> 2] = 0;
    words[MAILBOX.next >> 2] = words[MAILBOX.end >> 2] ?? 0;
    Atomics.store(words, MAILBOX.lock >> 2, 0);
  }

  /** Wakes an agent that has steps left. One that runs sees the new end, or has just missed it: `outcome` looks. */
  private ringIfIdle(): boolean {
    const { words } = this;
    if (Atomics.load(words, MAILBOX.lock >> 2) !== 0 || this.errno !== 0) return false;
    const next = words[MAILBOX.next >> 2] ?? 0;
    if (next >= Atomics.load(words, MAILBOX.end >> 2)) return false;
    if (this.isTraced) this.rests.set(next, time(words, MAILBOX.rested >> 2));
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
    const { words, at } = this.stepAt(step.step);
    return signed(words, at + (STEP.result >> 2));
  }

  /** What the kernel wrote into the room of a step's call; no more of it than `most` bytes are looked at. */
  filled(step: { readonly step: number }, most = Number.POSITIVE_INFINITY): Uint8Array {
    return (this.seen.rooms.get(step.step) ?? new Uint8Array()).slice(0, most);
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
      const { words, at } = this.stepAt(index);
      const started = time(words, at + (STEP.started >> 2));
      if (started === 0 && !all && index < this.tracedTo) continue;
      const result = this.result({ step: index });
      const rested = this.restBetween(before?.index ?? -1, index);
      if (before !== null) yield { ...before, ended: rested ?? started };
      before = { index, step, result, started, rested, ended: 0 };
    }
    if (before !== null) yield { ...before, ended: Math.max(0, time(this.words, MAILBOX.rested >> 2)) };
  }

  /** When the agent came to rest before it went on with a step after `before`, up to `index`. */
  private restBetween(before: number, index: number): number | null {
    for (let step = index; step > before; step--) {
      const rested = this.rests.get(step) ?? 0;
      if (rested > 0) return rested;
    }
    return null;
  }

  /** Where a step is: the words of some steps, and the index of its first one. */
  private stepAt(index: number) {
    const part = Math.floor(index / STEPS_AT_ONCE);
    const words = this.seen.steps[part] ?? this.addSteps(part);
    return { words, at: ((index % STEPS_AT_ONCE) * STEP.size) >> 2 };
  }

  private addSteps(part: number): Uint32Array {
    const from = this.own.offset + STEPS_OFFSET + part * STEPS_BYTES;
    const to = Math.min(from + STEPS_BYTES, this.own.stepsEnd);
    const { words } = new Part(this.memory, { from, to });
    this.seen.steps[part] = words;
    return words;
  }

  private encode(index: number): void {
    const step = this.program.steps[index];
    if (step === undefined) return;
    this.encoded = step;
    if (this.own.offset + STEPS_OFFSET + (index + 1) * STEP.size > this.own.stepsEnd) throw noRoomFor(step);
    const { words, at } = this.stepAt(index);
    const { name, args } = step.call;
    if (name === "seccomp") this.filterAt = index;
    const number =
      name === "clone3" ? CLONE : name === "compare" ? COMPARE : name === "move" ? MOVE : syscallNumber(name);
    let references = 0;
    for (let i = 0; i < args.length; i++) {
      const argument = args[i];
      if (argument === undefined) continue;
      if (typeof argument === "object" && "step" in argument) references |= 1 << i;
      setWord(words, at + (STEP.argument >> 2) + i * 2, this.argument(argument, index));
    }
    if (step.nextMailbox !== undefined) setWord(words, at + (STEP.argument >> 2) + 4, step.nextMailbox);
    const [first = 0, second = 0, third = 0] = step.tolerate === "all" ? [TOLERATE_ALL] : step.tolerate;
    words[at] = number;
    words[at + 1] = references | (step.skipOnSuccess << 16);
    words[at + 2] = step.skipOnError | (first << 16);
    words[at + 3] = second | (third << 16);
  }

  /** An argument of the step of this index, as the agent gets it. */
  private argument(argument: Argument, index: number): number | bigint {
    if (typeof argument === "number" || typeof argument === "bigint") return argument;
    if (typeof argument === "string") return this.text(argument);
    if (argument instanceof Uint8Array) return this.place(argument);
    if ("texts" in argument) return this.texts(argument.texts);
    if ("step" in argument) return argument.step;
    const at = this.reserve(argument.room);
    this.seen.rooms.set(index, this.seen.data.bytes.subarray(at, at + argument.room));
    return this.addressOf(at);
  }

  /** Puts bytes into the mailbox; returns their address in the agent. */
  place(bytes: Uint8Array): number {
    const at = this.reserve(bytes.byteLength);
    this.seen.data.bytes.set(bytes, at);
    return this.addressOf(at);
  }

  /** Puts a C string into the mailbox; returns its address in the agent. */
  text(text: string): number {
    const { bytes } = this.seen.data;
    const at = this.used;
    if (at + text.length * 3 + 1 > bytes.byteLength) return this.place(encoder.encode(`${text}\0`));
    const { written } = encoder.encodeInto(text, bytes.subarray(at));
    bytes[at + written] = 0;
    this.used += (written + 8) & ~7;
    return this.addressOf(at);
  }

  /** Puts a NULL-terminated array of C strings (argv, envp) into the mailbox; returns its address in the agent. */
  private texts(texts: readonly string[]): number {
    const at = this.reserve((texts.length + 1) * 8);
    const { words } = this.seen.data;
    const address = this.addressOf(at);
    for (const [index, text] of texts.entries()) setWord(words, (at >> 2) + index * 2, this.text(text));
    return address;
  }

  /** Where data is, with so much room for more. */
  dataWithRoom(more: number): readonly Extent[] {
    if (this.used + more > this.seen.data.bytes.byteLength) this.addData(more);
    return this.extents;
  }

  private reserve(length: number): number {
    const size = (length + 7) & ~7;
    if (this.used + size > this.seen.data.bytes.byteLength) this.addData(size);
    const at = this.used;
    this.used += size;
    return at;
  }

  private addData(least: number): void {
    const usual = FIRST_PIECE * 2 ** (this.extents.length - 1);
    const extent = this.memory.piece(Math.max(usual, least), least);
    if (extent === null) throw noRoomFor(this.encoded);
    this.extents.push(extent);
    this.seen.data = new Part(this.memory, extent);
    this.used = 0;
  }

  /** The agent's address of what is in the present piece of data. */
  private addressOf(at: number): number {
    return MAILBOX_ADDRESS + this.seen.data.from + at;
  }
}

/** A config needs more of an agent's memory than there is. */
function noRoomFor(step: Step | null): UserError {
  if (step === null || step.call.name === "execve")
    return new UserError("config.json", "process.args and process.env are too long");
  return new UserError(step.owner, "takes more than the room that there is for it");
}

function setWord(words: Uint32Array, at: number, value: number | bigint): void {
  if (typeof value === "bigint") {
    words[at] = Number(value & 0xffff_ffffn);
    words[at + 1] = Number((value >> 32n) & 0xffff_ffffn);
    return;
  }
  words[at] = value;
  words[at + 1] = Math.floor(value / 2 ** 32);
}

/** A `struct timespec`, in microseconds; 0 for none. */
const time = (words: Uint32Array, at: number) =>
  signed(words, at) * 1e6 + Math.floor(signed(words, at + 2) / 1e3);

function signed(words: Uint32Array, at: number): number {
  return (words[at] ?? 0) + ((words[at + 1] ?? 0) | 0) * 2 ** 32;
}
