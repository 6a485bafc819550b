/**
 * The file behind the mailboxes: where each lies in it, how it grows, and which part of it a parked agent keeps.
 *
 * The file is sparse: tsrun and the agents have address space for all of it mapped. Where a file system may be full,
 * tsrun takes memory for a part (fallocate(2)) before anybody touches it; a memfd just becomes longer, and gets memory
 * for the pages that are used. What every agent needs lies together at the beginning:
 *
 *     stage │ parked │ the init's first data │ init's header, its steps ───▶ │ host's header, its steps ───▶ │ pieces ───▶
 *
 * A step names earlier ones by index, so a mailbox's steps grow in a place of their own. Strings and structures only have
 * to be in one piece each: what does not fit into a mailbox's first data goes to pieces behind all mailboxes.
 */
import {
  close,
  fallocate,
  fcntl,
  ftruncate,
  madvise,
  memfdCreate,
  mmapShared,
  munmap,
} from "../kernel/calls.ts";
import {
  F_ADD_SEALS,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  FUTEX_OWNER_DIED,
  MADV_DONTDUMP,
  MADV_DONTNEED,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
} from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { memoryAt } from "../kernel/ffi.ts";
import { isErrno } from "../kernel/files.ts";
import { attempt, here } from "../kernel/here.ts";
import { Opened } from "../kernel/opened.ts";
import { mapped, unmap } from "./address-space.ts";
import { MAILBOX, MAILBOX_ADDRESS, MAILBOX_SPAN, STEPS_OFFSET } from "./layout.ts";
import { forgetDeath, noteDeath } from "./life.ts";
import { Mailbox } from "./mailbox.ts";
import { type MappedFile, type Place, STEPS_BYTES } from "./mailbox-memory.ts";

const PAGE = 4096;
const MEGABYTE = 0x10_0000;

/** Fixed, as the tsrun that starts a parked agent, another process, has to find it. One page of steps is enough. */
const PARKED: Place = { offset: 0x4000, stepsEnd: 0x6000, data: { from: 0x6000, to: 0xe000 } };
export const PLACES = {
  stage: { offset: 0, stepsEnd: 0x2800, data: { from: 0x2800, to: PARKED.offset } },
  parked: PARKED,
  /** Half of its first data is for the container's /etc/passwd. */
  init: { offset: 0x2e000, stepsEnd: 12 * MEGABYTE, data: { from: PARKED.data.to, to: 0x2e000 } },
  /** The host agent's; see host-agent.ts. */
  host: { offset: 12 * MEGABYTE, stepsEnd: 16 * MEGABYTE, data: { from: 0, to: 0 } },
} as const satisfies Record<string, Place>;
const PIECES = PLACES.host.stepsEnd;

/** The end of what every agent needs. The host agent's mailbox gets memory only if there is a host agent. */
const BEGINNING = PLACES.init.offset + STEPS_OFFSET + STEPS_BYTES;

/** Is given the mailboxes of each new agent; what it returns is called before their memory is given back. */
type Follower = (boxes: MailboxFile) => (() => void) | undefined;

const followers = new Set<Follower>();

/** From now on `follower` is given the mailboxes of new agents, until what this returns is called. */
export function follow(follower: Follower): () => void {
  followers.add(follower);
  return () => void followers.delete(follower);
}

export interface MailboxFileOptions {
  /** Opens an empty file for the mailboxes; without it they are in a memfd. */
  readonly open?: () => number;
  /** Whether there is a host agent. */
  readonly hasHost?: boolean;
  /** Called around each step that takes memory, to word its failure. */
  readonly taking?: <T>(take: () => T) => T;
}

/**
 * A memfd for mailboxes. Nobody can make it shorter: that would kill whoever touches the memory that is gone (SIGBUS).
 * @throws SyscallError
 */
export function mailboxMemfd(): number {
  const fd = here(memfdCreate("tsrun-mailbox", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  here(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK));
  return fd;
}

/** The mailboxes of a new agent, in a mapped file, which grows while they are filled. */
export class MailboxFile implements MappedFile, Disposable {
  readonly stage: Mailbox;
  readonly parked: Mailbox;
  readonly init: Mailbox;
  /** The host agent's mailbox. */
  readonly host: Mailbox | null;
  readonly fd: number;
  readonly address: number;
  private readonly beginning: Uint8Array;
  private readonly taking: <T>(take: () => T) => T;
  private readonly isMemfd: boolean;
  private length = 0;
  private pieces: number = PIECES;
  private readonly opened: Opened;

  /** @throws SyscallError */
  constructor({ open, hasHost = false, taking = (take) => take() }: MailboxFileOptions = {}) {
    using opened = new Opened();
    this.isMemfd = open === undefined;
    this.fd = taking(open ?? mailboxMemfd);
    opened.defer(() => attempt(close(this.fd)));
    this.taking = taking;
    this.take(0, BEGINNING);
    const slot = mapped(this.fd, BEGINNING);
    this.address = slot.address;
    this.beginning = slot.beginning;
    const kept = noteDeath(this.beginning, this.address);
    opened.defer(() => forgetDeath(kept) && unmap(slot));
    this.stage = opened.use(new Mailbox(this, PLACES.stage));
    this.parked = opened.use(new Mailbox(this, PLACES.parked));
    this.init = opened.use(new Mailbox(this, PLACES.init));
    this.host = hasHost ? opened.use(new Mailbox(this, PLACES.host)) : null;
    for (const follower of followers) {
      const leave = follower(this);
      if (leave !== undefined) opened.defer(leave);
    }
    this.opened = opened.move();
  }

  /** Has whoever serves the file see that tsrun has died, as far as it is concerned. */
  playDead(): void {
    new DataView(this.beginning.buffer, this.beginning.byteOffset).setUint32(
      MAILBOX.keeper,
      FUTEX_OWNER_DIED,
      true,
    );
  }

  /** Has all agents end that wait, or will. */
  abandon(): void {
    this.playDead();
    for (const box of [this.stage, this.parked, this.init, this.host]) box?.abandon();
  }

  /** Gives all memory back. This never fails: what remains goes when tsrun ends. */
  [Symbol.dispose](): void {
    this.opened[Symbol.dispose]();
  }

  /** A part of the file, with memory behind it. @throws SyscallError ENOSPC */
  at(from: number, to: number): Uint8Array {
    if (to <= BEGINNING) return this.beginning.subarray(from, to);
    this.take(from, to);
    return memoryAt(this.address + from, to - from);
  }

  /** A new piece of the file: of this length, else of `least` bytes; null if there is not even room for that. */
  piece(length: number, least: number): Place["data"] | null {
    const from = this.pieces;
    const to = Math.min(pageUp(from + length), MAILBOX_SPAN);
    if (from + least > to) return null;
    this.pieces = to;
    return { from, to };
  }

  /**
   * Takes memory for a part of the file. Otherwise, on a full file system, touching a mapped page would kill the
   * process (SIGBUS) before it could undo anything.
   */
  private take(from: number, to: number): void {
    if (this.isMemfd) {
      if (to > this.length) here(ftruncate(this.fd, to));
      this.length = Math.max(this.length, to);
      return;
    }
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
  parked.traced = false; // the tsrun that parked it may have set this, and the filter may refuse clock_gettime(2)
  const kept = opened.move();
  return { parked, [Symbol.dispose]: () => kept[Symbol.dispose]() };
}

const pageUp = (bytes: number) => (bytes + PAGE - 1) & -PAGE;

/** Where a parked agent has its mailbox mapped: the name below /proc/PID/map_files (proc_pid_map_files(5)). */
export const parkedMapping = (): string => mapping(PARKED.offset, PARKED.stepsEnd);

/** The same of an agent that is not parked. */
export const wholeMapping = (): string => mapping(0, MAILBOX_SPAN);

function mapping(from: number, to: number): string {
  const hex = (offset: number) => (MAILBOX_ADDRESS + offset).toString(16);
  return `${hex(from)}-${hex(to)}`;
}

/**
 * Adds the steps that leave a parked agent with as little memory as possible. All mailboxes but its own are unmapped,
 * and the two pages that the agent reads are split from the part that only execve(2) reads, or the kernel would map
 * large folios around them. At most `more` bytes can be laid out after that.
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
