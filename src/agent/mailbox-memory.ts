/** A mailbox's memory: how steps, and the strings and structures that they point to, are laid out for the agent. */
import type { Argument, Call, StepResult } from "../kernel/call.ts";
import { syscallNumber } from "../kernel/syscall-numbers.ts";
import { UserError } from "../kernel/user-error.ts";
import {
  CLONE,
  COMPARE,
  FOREGROUND,
  MAILBOX_ADDRESS,
  MOVE,
  STEP,
  STEPS_OFFSET,
  TOLERATE_ALL,
} from "./layout.ts";
import type { Step } from "./program.ts";

const encoder = new TextEncoder();

/** A part of the mailbox file, by its offsets. */
export interface Extent {
  readonly from: number;
  readonly to: number;
}

/** One mailbox's place in the file: a header page, the steps, and the first piece of the data that they point to. */
export interface Place {
  readonly offset: number;
  readonly stepsEnd: number;
  readonly data: Extent;
}

/** The mapped file that a mailbox lies in. */
export interface MappedFile {
  readonly address: number;
  /** A part of the file, with memory behind it. */
  at(from: number, to: number): Uint8Array;
  /** A new piece of the file: of this length, else of `least` bytes; null if there is not even room for that. */
  piece(length: number, least: number): Extent | null;
}

/** Steps are mapped in groups of so many, which fill whole pages. */
const STEPS_AT_ONCE = 512;
export const STEPS_BYTES = STEPS_AT_ONCE * STEP.size;
/** The length of the first piece of data that is added; each further one is twice as long as the last. */
const FIRST_PIECE = 0x1_0000;

const ALL_ERRNOS = [TOLERATE_ALL];

/** Memory that both sides see. */
class Part {
  readonly from: number;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;

  constructor(file: MappedFile, { from, to }: Extent) {
    this.from = from;
    this.bytes = file.at(from, to);
    this.words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength >> 2);
  }
}

export class MailboxMemory {
  readonly header: Uint32Array;
  private readonly file: MappedFile;
  private readonly own: Place;
  /** The steps, by STEPS_AT_ONCE. */
  private readonly steps: Uint32Array[] = [];
  private readonly extents: Extent[];
  /** The piece that data goes to at present, and how much of it is used. */
  private data: Part;
  private used = 0;
  /** The address of an empty C string, once there is one. */
  private empty: number | null = null;
  /** The agent's memory that the kernel fills, by step. */
  private readonly rooms = new Map<number, Uint8Array>();
  /** The step that is being laid out. */
  private current: Step | null = null;

  constructor(file: MappedFile, place: Place) {
    const { offset, data } = place;
    this.file = file;
    this.own = place;
    this.header = new Part(file, { from: offset, to: offset + STEPS_OFFSET }).words;
    this.data = new Part(file, data);
    this.extents = [data];
  }

  /** What a step has returned, or the negative errno. */
  result(step: number): number {
    const { words, at } = this.stepAt(step);
    return signed(words, at + (STEP.result >> 2));
  }

  /** When a step began, if that was noted; else 0. */
  started(step: number): number {
    const { words, at } = this.stepAt(step);
    return timeAt(words, at + (STEP.started >> 2));
  }

  /** What the kernel wrote into the room of a step's call, up to `most` bytes. */
  filled(step: number, most: number): Uint8Array {
    return (this.rooms.get(step) ?? new Uint8Array()).slice(0, most);
  }

  /** Forgets so many steps and all data. The memory is as it was in the beginning, but stays as long as it is. */
  clear(steps: number): void {
    for (const [part, words] of this.steps.entries())
      words.fill(0, 0, (Math.max(0, steps - part * STEPS_AT_ONCE) * STEP.size) >> 2);
    this.data.bytes.fill(0, 0, this.used); // only the last piece is used again, the longest
    this.used = 0;
    this.empty = null;
    this.rooms.clear();
  }

  /** Makes a step, which may have been performed, one that ends the agent. */
  endAt(step: number): void {
    const { words, at } = this.stepAt(step);
    words[at + 1] = 0;
    words[at] = syscallNumber("exit_group");
  }

  /** Where a step is: the words of its group, and the index of its first word. */
  private stepAt(index: number) {
    const part = (index / STEPS_AT_ONCE) | 0;
    const words = this.steps[part] ?? this.addSteps(part);
    return { words, at: ((index % STEPS_AT_ONCE) * STEP.size) >> 2 };
  }

  private addSteps(part: number): Uint32Array {
    const from = this.own.offset + STEPS_OFFSET + part * STEPS_BYTES;
    const to = Math.min(from + STEPS_BYTES, this.own.stepsEnd);
    const { words } = new Part(this.file, { from, to });
    this.steps[part] = words;
    return words;
  }

  /** Lays out the step of this index. */
  lay(index: number, step: Step): void {
    this.current = step;
    if (this.own.offset + STEPS_OFFSET + (index + 1) * STEP.size > this.own.stepsEnd) throw noRoomFor(step);
    const { words, at } = this.stepAt(index);
    const { name, args } = step.instead ?? step.call;
    const number = numberOf(name);
    let references = 0;
    for (let i = 0; i < args.length; i++) {
      const argument = args[i];
      const place = at + (STEP.argument >> 2) + i * 2;
      if (argument === undefined) continue;
      if (typeof argument === "number") setWord(words, place, argument);
      else if (typeof argument === "object" && "step" in argument) {
        references |= 1 << i;
        setWord(words, place, argument.step);
      } else setWord(words, place, this.argument(argument, index));
    }
    if (step.nextMailbox !== undefined) setWord(words, at + (STEP.argument >> 2) + 4, step.nextMailbox);
    const errnos = step.tolerate === "all" ? ALL_ERRNOS : step.tolerate;
    words[at] = number;
    words[at + 1] = references | (step.skipOnSuccess << 16);
    words[at + 2] = step.skipOnError | ((errnos[0] ?? 0) << 16);
    words[at + 3] = (errnos[1] ?? 0) | ((errnos[2] ?? 0) << 16);
    this.current = null;
  }

  /** An argument of the step of this index that is no plain number, as the agent gets it. */
  private argument(argument: Exclude<Argument, number | StepResult>, index: number): number | bigint {
    if (typeof argument === "bigint") return argument;
    if (typeof argument === "string") return this.text(argument);
    if (argument instanceof Uint8Array) return this.place(argument);
    if ("texts" in argument) return this.texts(argument.texts);
    const at = this.reserve(argument.room);
    this.rooms.set(index, this.data.bytes.subarray(at, at + argument.room));
    return this.addressOf(at);
  }

  /** Puts bytes into the mailbox; returns their address in the agent. */
  place(bytes: Uint8Array): number {
    const at = this.reserve(bytes.byteLength);
    this.data.bytes.set(bytes, at);
    return this.addressOf(at);
  }

  /** Puts a C string into the mailbox; returns its address in the agent. */
  text(text: string): number {
    if (text === "") return this.emptyText();
    const { bytes } = this.data;
    const at = this.used;
    if (at + text.length * 3 + 1 > bytes.byteLength) return this.place(encoder.encode(`${text}\0`));
    const { written } = encoder.encodeInto(text, bytes.subarray(at));
    bytes[at + written] = 0;
    this.used += (written + 8) & ~7;
    return this.addressOf(at);
  }

  /** There is one for all: every second string is empty, as the path of calls that act on a descriptor. */
  private emptyText(): number {
    this.empty ??= this.place(new Uint8Array(1));
    return this.empty;
  }

  /** Puts a NULL-terminated array of C strings (argv, envp) into the mailbox; returns its address in the agent. */
  private texts(texts: readonly string[]): number {
    const at = this.reserve((texts.length + 1) * 8);
    const { words } = this.data;
    const address = this.addressOf(at);
    for (const [index, text] of texts.entries()) setWord(words, (at >> 2) + index * 2, this.text(text));
    return address;
  }

  /** The extents of all data, once there is so much room for more. */
  dataWithRoom(more: number): readonly Extent[] {
    if (this.used + more > this.data.bytes.byteLength) this.addData(more);
    return this.extents;
  }

  private reserve(length: number): number {
    const size = (length + 7) & ~7;
    if (this.used + size > this.data.bytes.byteLength) this.addData(size);
    const at = this.used;
    this.used += size;
    return at;
  }

  private addData(least: number): void {
    const usual = FIRST_PIECE * 2 ** (this.extents.length - 1);
    const extent = this.file.piece(Math.max(usual, least), least);
    if (extent === null) throw noRoomFor(this.current);
    this.extents.push(extent);
    this.data = new Part(this.file, extent);
    this.used = 0;
  }

  /** The agent's address of what is in the present piece of data. */
  private addressOf(at: number): number {
    return MAILBOX_ADDRESS + this.data.from + at;
  }
}

/** The error for a config that needs more memory than an agent has. */
function noRoomFor(step: Step | null): UserError {
  if (step === null || step.call.name === "execve")
    return new UserError("config.json", "process.args and process.env are too long");
  return new UserError(step.owner, "needs more memory than the mailbox has");
}

function setWord(words: Uint32Array, at: number, value: number | bigint): void {
  if (typeof value === "bigint") {
    words[at] = Number(value & 0xffff_ffffn);
    words[at + 1] = Number((value >> 32n) & 0xffff_ffffn);
    return;
  }
  words[at] = value;
  words[at + 1] = value >>> 0 === value ? 0 : Math.floor(value / 2 ** 32); // for most there is nothing to compute
}

/** A `struct timespec`, in microseconds; 0 for none. */
export const timeAt = (words: Uint32Array, at: number) =>
  signed(words, at) * 1e6 + Math.floor(signed(words, at + 2) / 1e3);

function signed(words: Uint32Array, at: number): number {
  return (words[at] ?? 0) + ((words[at + 1] ?? 0) | 0) * 2 ** 32;
}

function numberOf(name: Call["name"]): number {
  if (name === "clone3") return CLONE;
  if (name === "compare") return COMPARE;
  if (name === "move") return MOVE;
  return name === "foreground" ? FOREGROUND : syscallNumber(name);
}
