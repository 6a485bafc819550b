/** A mailbox file as others see it: which step each of its agents performs. Nothing is mapped, and nothing changed. */
import type { Fd } from "../kernel/call.ts";
import { pread } from "../kernel/calls.ts";
import { FUTEX_OWNER_DIED, FUTEX_WAITERS } from "../kernel/constants.ts";
import { attempt } from "../kernel/here.ts";
import { NUMBERS, syscallNumber } from "../kernel/syscall-numbers.ts";
import {
  CLONE,
  COMPARE,
  MAILBOX,
  MAILBOX_ADDRESS,
  MAILBOX_SPAN,
  MOVE,
  STEP,
  STEPS_OFFSET,
} from "./layout.ts";
import { PLACES } from "./mailbox-file.ts";

type Role = keyof typeof PLACES;

/** A step that an agent performs at this moment. */
export interface Performed {
  readonly role: Role;
  /** The agent's pid as it knows it itself, in its PID namespace; 0 before it has begun. */
  readonly pid: number;
  readonly step: number;
  /** How many steps before it are for looks, which a stage may have or not (see `addLooks`). */
  readonly looks: number;
  /** How many steps it has been told so far. */
  readonly told: number;
  /** The system call's name, and the paths and names among its arguments. */
  readonly call: string;
  readonly words: readonly string[];
}

/** The steps that agents of a mailbox file perform, the innermost first; none while all wait for tsrun. */
export function performedIn(fd: Fd): readonly Performed[] {
  const roles: readonly Role[] = ["host", "parked", "init", "stage"];
  return roles.flatMap((role) => performedBy(fd, role) ?? []);
}

function performedBy(fd: Fd, role: Role): Performed | null {
  const { offset } = PLACES[role];
  const header = bytesAt(fd, offset, MAILBOX.size);
  if (header === null) return null;
  const lock = header.getUint32(MAILBOX.lock, true);
  if (lock === 0 || (lock & FUTEX_OWNER_DIED) !== 0) return null;
  const step = header.getUint32(MAILBOX.at, true);
  const laid = bytesAt(fd, offset + STEPS_OFFSET + step * STEP.size, STEP.size);
  if (laid === null) return null;
  const words = [0, 1, 2, 3, 4, 5].flatMap(
    (index) => textAt(fd, laid.getBigUint64(STEP.argument + index * 8, true)) ?? [],
  );
  const told = header.getUint32(MAILBOX.end, true);
  const call = nameOf(laid.getInt32(STEP.number, true));
  return {
    role,
    pid: (lock & ~FUTEX_WAITERS) >>> 0,
    step,
    looks: looksBefore(fd, role, step),
    told,
    call,
    words,
  };
}

function looksBefore(fd: Fd, role: Role, step: number): number {
  if (role !== "stage" || step === 0) return 0;
  const steps = bytesAt(fd, PLACES[role].offset + STEPS_OFFSET, step * STEP.size);
  const isLook = (index: number) =>
    steps?.getInt32(index * STEP.size + STEP.number, true) === syscallNumber("statx");
  const count = Array.from({ length: step }, (_, index) => index).filter(isLook).length;
  return count === 0 ? 0 : count + 1; // and one that names the stage
}

const PSEUDO: Readonly<Record<number, string>> = { [CLONE]: "clone3", [COMPARE]: "compare", [MOVE]: "move" };

/** The name of a system call that tsrun knows, or its number. */
export function nameOf(number: number): string {
  const names = Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]; // keys of a const table
  return PSEUDO[number] ?? names.find((name) => syscallNumber(name) === number) ?? `system call ${number}`;
}

/** Longer texts are cut off, in bytes. */
const LONGEST = 256;

/** The text that a pointer into the mailbox leads to; null for what is none. */
function textAt(fd: Fd, pointer: bigint): string | null {
  const at = Number(pointer) - MAILBOX_ADDRESS;
  if (at <= 0 || at >= MAILBOX_SPAN) return null;
  const bytes = bytesAt(fd, at, LONGEST);
  return bytes === null ? null : printable(new Uint8Array(bytes.buffer));
}

/** A C string of printable characters; null for other bytes, and for one letter, which is a number rather. */
export function printable(bytes: Uint8Array): string | null {
  const end = bytes.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  return text === "" || /^[^./]$|[\p{Cc}\ufffd]/u.test(text) ? null : text;
}

/** Null behind the file's end. */
function bytesAt(fd: Fd, offset: number, length: number): DataView | null {
  const bytes = new Uint8Array(length);
  const count = attempt(pread(fd, bytes, offset));
  return count === length ? new DataView(bytes.buffer) : null;
}
