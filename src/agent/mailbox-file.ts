/** The file behind the mailboxes: where each lies in it, and what of it a parked agent keeps. */
import { fallocate, ftruncate, madvise, mmapShared, munmap } from "../kernel/calls.ts";
import { MADV_DONTDUMP, MADV_DONTNEED, MAP_SHARED, PROT_READ, PROT_WRITE } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { memoryAt } from "../kernel/ffi.ts";
import { isErrno } from "../kernel/files.ts";
import { here } from "../kernel/here.ts";
import { MAILBOX_ADDRESS, MAILBOX_SPAN, STEP, STEPS_OFFSET } from "./layout.ts";
import { noteDeath } from "./life.ts";
import { Mailbox, type Place } from "./mailbox.ts";
import { RoomError } from "./step-error.ts";

const PAGE = 4096;
const pageUp = (bytes: number) => (bytes + PAGE - 1) & -PAGE;

const STAGE: Place = { offset: 0, data: 0x2800, end: 0x4000 };
/**
 * The parked agent's mailbox has one page of steps and is followed by what only execve(2) reads. So that is all
 * of the file that stays resident. Its place is fixed: another tsrun, the one that starts, has to find it.
 */
const PARKED = { offset: STAGE.end, data: STAGE.end + 2 * PAGE } as const;

/** How much a mailbox file must hold. */
export interface MailboxSize {
  /** Steps of the init's program at most. */
  readonly steps: number;
  /** Bytes of strings and structures that they point to. */
  readonly data: number;
  /** Bytes of arguments and environment, with their pointers. */
  readonly execution: number;
  /** What the program of the agent that stays the host's needs; see host-agent.ts. Most have none. */
  readonly host?: Pick<MailboxSize, "steps" | "data">;
}

/** Is told the mailboxes of each new agent. */
type Follower = (boxes: ReturnType<typeof MailboxFile.create>) => void;

let follower: Follower | null = null;

/** Sets who is told the mailboxes of new agents, for what is printed of their steps. */
export function follow(next: Follower | null): void {
  follower = next;
}

/** A mapped mailbox file. */
export class MailboxFile {
  private readonly bytes: Uint8Array;
  private readonly address: number;

  private constructor(fd: number, length: number) {
    this.address = here(mmapShared(fd, length, PROT_READ | PROT_WRITE, MAP_SHARED));
    // Only as much as is needed becomes JavaScript's: it counts for the garbage collector.
    this.bytes = memoryAt(this.address, length);
  }

  /** The mailboxes of a new agent, in an empty file, which gets its length. */
  static create(fd: number, size: MailboxSize) {
    const parked: Place = { ...PARKED, end: pageUp(PARKED.data + size.execution) };
    const init = placeAt(parked.end, size);
    const host = size.host === undefined ? null : placeAt(init.end, size.host);
    const { end } = host ?? init;
    if (end > MAILBOX_SPAN)
      throw new RoomError("config.json", "its paths, process.args and process.env are too long");
    reserve(fd, end);
    const file = new MailboxFile(fd, end);
    noteDeath(file.bytes, file.address);
    const boxes = {
      stage: file.mailbox(STAGE),
      parked: file.mailbox(parked),
      init: file.mailbox(init),
      host: host === null ? null : file.mailbox(host),
    };
    follower?.(boxes);
    return boxes;
  }

  /** The mailbox of an agent that an earlier tsrun parked. */
  static openParked(fd: number): Mailbox {
    const mailbox = new MailboxFile(fd, PARKED.data).mailbox({ ...PARKED, end: PARKED.data });
    mailbox.traced = false; // by the tsrun that parked it; a filter may refuse the agent the clock
    return mailbox;
  }

  private mailbox(place: Place): Mailbox {
    const { bytes, address } = this;
    return new Mailbox(bytes.subarray(place.offset, place.end), address + place.offset, place);
  }
}

/** A mailbox of that size, from a page of the file on. */
function placeAt(offset: number, size: Pick<MailboxSize, "steps" | "data">): Place {
  const data = pageUp(offset + STEPS_OFFSET + size.steps * STEP.size);
  return { offset, data, end: pageUp(data + size.data) };
}

/**
 * Gives a file its length, and takes the room for it: where a full file system has none for a page that is mapped,
 * whoever touches it is killed (SIGBUS), and nothing is undone. @throws SyscallError ENOSPC
 */
function reserve(fd: number, length: number): void {
  try {
    here(fallocate(fd, length));
  } catch (error) {
    if (!isErrno(error, ERRNO.EOPNOTSUPP)) throw error;
    here(ftruncate(fd, length));
  }
}

/** Where a parked agent has its mailbox mapped: the name below /proc/PID/map_files (proc_pid_map_files(5)). */
export function parkedMapping(): string {
  const hex = (offset: number) => (MAILBOX_ADDRESS + offset).toString(16);
  return `${hex(PARKED.offset)}-${hex(PARKED.data)}`;
}

/**
 * Adds the steps that leave a parked agent with as little memory as it can have: all mailboxes but its own are
 * unmapped, and the part that only execve(2) will read is split from the two pages that the agent itself reads,
 * or the kernel would map large folios around them.
 */
export function shrink(parked: Mailbox): void {
  const data = MAILBOX_ADDRESS + PARKED.data;
  const end = parked.agentAddress + parked.length;
  parked.program.add(munmap(MAILBOX_ADDRESS, PARKED.offset));
  parked.program.add(munmap(end, MAILBOX_ADDRESS + MAILBOX_SPAN - end));
  if (end === data) return;
  parked.program.add(madvise(data, end - data, MADV_DONTDUMP));
  parked.program.add(madvise(data, end - data, MADV_DONTNEED));
}
