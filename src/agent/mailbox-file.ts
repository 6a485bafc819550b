/**
 * The file behind the mailboxes: where each lies in it, how it grows, and what of it a parked agent keeps.
 *
 * The file is sparse: tsrun and the agents have address space for all of it mapped, and tsrun takes memory for a part
 * (fallocate(2)) before anybody touches it. What every agent needs lies together at the beginning:
 *
 *     stage │ parked │ the init's first data │ init's header, its steps ───▶ │ host's header, its steps ───▶ │ pieces ───▶
 *
 * A step names earlier ones by index, so a mailbox's steps grow in a place of their own. Strings and structures only have
 * to be in one piece each: what does not fit into a mailbox's first data goes to pieces behind all mailboxes.
 */
import { close, fallocate, ftruncate, madvise, memfdCreate, mmapShared, munmap } from "../kernel/calls.ts";
import { MADV_DONTDUMP, MADV_DONTNEED, MFD_CLOEXEC } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { memoryAt } from "../kernel/ffi.ts";
import { isErrno } from "../kernel/files.ts";
import { attempt, here } from "../kernel/here.ts";
import { Opened } from "../kernel/opened.ts";
import { MAILBOX_ADDRESS, MAILBOX_SPAN, STEPS_OFFSET } from "./layout.ts";
import { forgetDeath, noteDeath } from "./life.ts";
import { Mailbox } from "./mailbox.ts";
import { type MappedFile, type Place, STEPS_BYTES } from "./mailbox-memory.ts";

const PAGE = 4096;
const MEGABYTE = 0x10_0000;

/** The parked agent's place is fixed: another tsrun, the one that starts, has to find it. One page of steps is enough. */
const PARKED: Place = { offset: 0x4000, stepsEnd: 0x6000, data: { from: 0x6000, to: 0xe000 } };
const PLACES = {
  stage: { offset: 0, stepsEnd: 0x2800, data: { from: 0x2800, to: PARKED.offset } },
  parked: PARKED,
  /** Of its first data half is for the container's /etc/passwd. */
  init: { offset: 0x2e000, stepsEnd: 12 * MEGABYTE, data: { from: PARKED.data.to, to: 0x2e000 } },
  /** That of an agent that stays the host's; see host-agent.ts. */
  host: { offset: 12 * MEGABYTE, stepsEnd: 16 * MEGABYTE, data: { from: 0, to: 0 } },
} as const satisfies Record<string, Place>;
const PIECES = PLACES.host.stepsEnd;

/** How far what every agent needs goes: the host agent's mailbox is made for those that have one. */
const BEGINNING = PLACES.init.offset + STEPS_OFFSET + STEPS_BYTES;

/** Is told the mailboxes of each new agent; what it returns is called before they are given back. */
type Follower = (boxes: MailboxFile) => (() => void) | undefined;

let follower: Follower | null = null;

/** Sets who is told the mailboxes of new agents, for what is printed of their steps. */
export function follow(next: Follower | null): void {
  follower = next;
}

export interface MailboxFileOptions {
  /** Opens an empty file for them; a memfd without it. */
  readonly open?: () => number;
  /** Whether there is an agent that stays the host's. */
  readonly hasHost?: boolean;
  /** Stands around whatever takes memory, and words its failure. */
  readonly taking?: <T>(take: () => T) => T;
}

const memfd = () => here(memfdCreate("tsrun-mailbox", MFD_CLOEXEC));

/** The mailboxes of a new agent, in a mapped file, which grows while they are filled. */
export class MailboxFile implements MappedFile, Disposable {
  readonly stage: Mailbox;
  readonly parked: Mailbox;
  readonly init: Mailbox;
  /** The mailbox of an agent that stays the host's. */
  readonly host: Mailbox | null;
  readonly fd: number;
  readonly address: number;
  private readonly beginning: Uint8Array;
  private readonly taking: <T>(take: () => T) => T;
  private pieces: number = PIECES;
  private readonly opened: Opened;

  /** @throws SyscallError */
  constructor({ open = memfd, hasHost = false, taking = (take) => take() }: MailboxFileOptions = {}) {
    using opened = new Opened();
    this.fd = taking(open);
    opened.defer(() => attempt(close(this.fd)));
    this.taking = taking;
    this.take(0, BEGINNING);
    this.address = here(mmapShared(this.fd, MAILBOX_SPAN));
    // Only what is used becomes JavaScript's: it counts for the garbage collector.
    this.beginning = memoryAt(this.address, BEGINNING);
    const kept = noteDeath(this.beginning, this.address);
    opened.defer(() => forgetDeath(kept) && attempt(munmap(this.address, MAILBOX_SPAN)));
    this.stage = opened.use(new Mailbox(this, PLACES.stage));
    this.parked = opened.use(new Mailbox(this, PLACES.parked));
    this.init = opened.use(new Mailbox(this, PLACES.init));
    this.host = hasHost ? opened.use(new Mailbox(this, PLACES.host)) : null;
    const leave = follower?.(this);
    if (leave !== undefined) opened.defer(leave);
    this.opened = opened.move();
  }

  /** Gives all memory back. Nothing fails by it: what could not be given back is when tsrun ends. */
  [Symbol.dispose](): void {
    this.opened[Symbol.dispose]();
  }

  /** A part of the file, with memory behind it. @throws SyscallError ENOSPC */
  at(from: number, to: number): Uint8Array {
    if (to <= BEGINNING) return this.beginning.subarray(from, to);
    this.take(from, to);
    return memoryAt(this.address + from, to - from);
  }

  /** Where a new piece of the file is, of this length or, as there is no more, of `least`; null if even that is too much. */
  piece(length: number, least: number): Place["data"] | null {
    const from = this.pieces;
    const to = Math.min(pageUp(from + length), MAILBOX_SPAN);
    if (from + least > to) return null;
    this.pieces = to;
    return { from, to };
  }

  /**
   * Takes memory for a part of the file: where a full file system has none for a page that is mapped, whoever touches
   * it is killed (SIGBUS), and nothing is undone.
   */
  private take(from: number, to: number): void {
    this.taking(() => {
      try {
        here(fallocate(this.fd, from, to - from));
      } catch (error) {
        if (!isErrno(error, ERRNO.EOPNOTSUPP)) throw error;
        here(ftruncate(this.fd, MAILBOX_SPAN));
      }
    });
  }
}

/** The mailbox of an agent that is parked: nothing more is laid out in there. */
export interface Parked extends Disposable {
  readonly parked: Mailbox;
}

/** The mailbox that an earlier tsrun has parked an agent on. */
export function openParked(fd: number): Parked {
  using opened = new Opened();
  const end = PARKED.stepsEnd;
  const address = here(mmapShared(fd, end));
  opened.defer(() => attempt(munmap(address, end)));
  const bytes = memoryAt(address, end);
  const memory = { address, at: (from: number, to: number) => bytes.subarray(from, to), piece: () => null };
  const parked = opened.use(new Mailbox(memory, { ...PARKED, data: { from: end, to: end } }));
  parked.traced = false; // by the tsrun that parked it; a filter may refuse the agent the clock
  const kept = opened.move();
  return { parked, [Symbol.dispose]: () => kept[Symbol.dispose]() };
}

const pageUp = (bytes: number) => (bytes + PAGE - 1) & -PAGE;

/** Where a parked agent has its mailbox mapped: the name below /proc/PID/map_files (proc_pid_map_files(5)). */
export function parkedMapping(): string {
  const hex = (offset: number) => (MAILBOX_ADDRESS + offset).toString(16);
  return `${hex(PARKED.offset)}-${hex(PARKED.stepsEnd)}`;
}

/**
 * Adds the steps that leave a parked agent with as little memory as it can have: all mailboxes but its own are
 * unmapped, and the part that only execve(2) will read is split from the two pages that the agent itself reads,
 * or the kernel would map large folios around them. Nothing that is longer than `more` bytes can be laid out after that.
 */
export function shrink(parked: Mailbox, more: number): void {
  const { program } = parked;
  const data = parked.dataWithRoom(more);
  let end: number = PARKED.offset;
  program.add(munmap(MAILBOX_ADDRESS, end));
  for (const { from, to } of [{ from: PARKED.offset, to: PARKED.stepsEnd }, ...data]) {
    if (from > end) program.add(munmap(MAILBOX_ADDRESS + end, from - end));
    end = to;
  }
  program.add(munmap(MAILBOX_ADDRESS + end, MAILBOX_SPAN - end));
  for (const { from, to } of data) {
    program.add(madvise(MAILBOX_ADDRESS + from, to - from, MADV_DONTDUMP));
    program.add(madvise(MAILBOX_ADDRESS + from, to - from, MADV_DONTNEED));
  }
}
