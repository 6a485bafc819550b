/**
 * Terminals: ioctl_tty(2), termios(3). The numbers are those of asm-generic/ioctls.h and asm-generic/termbits.h, the
 * same on x86-64 and arm64.
 */
import type { Call, Fd } from "./call.ts";
import { ioctl } from "./calls.ts";
import { O_CLOEXEC, O_NOCTTY, O_RDWR } from "./constants.ts";
import { attempt } from "./here.ts";

export const TCGETS = 0x5401;
export const TCSETS = 0x5402;
export const TIOCSCTTY = 0x540e;
export const TIOCGWINSZ = 0x5413;
export const TIOCSWINSZ = 0x5414;
export const TIOCGPTPEER = 0x5441;
export const TIOCSPTLCK = 0x4004_5431;

/** A terminal's size in characters. */
export interface WindowSize {
  readonly height: number;
  readonly width: number;
}

/** Lets the slave of a new pseudoterminal be opened. */
export const unlockSlave = (master: Fd): Call => ioctl(master, TIOCSPTLCK, new Uint8Array(4));
/** Opens the slave, wherever it has a path: returns a descriptor, close-on-exec. */
export const openSlave = (master: Fd): Call => ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
/** Makes a terminal the controlling one of the session that the caller leads. */
export const takeControl = (slave: Fd): Call => ioctl(slave, TIOCSCTTY, 0);

export const setWindowSize = (terminal: Fd, { height, width }: WindowSize): Call =>
  ioctl(terminal, TIOCSWINSZ, new Uint8Array(Uint16Array.of(height, width, 0, 0).buffer));
/** `into` has WINSIZE_SIZE bytes; read them with `windowSize`. */
export const getWindowSize = (terminal: Fd, into: Uint8Array): Call => ioctl(terminal, TIOCGWINSZ, into);
export const WINSIZE_SIZE = 8;

/** Whether a descriptor is a terminal. */
export const isTerminal = (fd: number): boolean =>
  attempt(getWindowSize(fd, new Uint8Array(WINSIZE_SIZE))) >= 0;

/** A filled `struct winsize`. */
export function windowSize(bytes: Uint8Array): WindowSize {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { height: view.getUint16(0, true), width: view.getUint16(2, true) };
}

/** `into` has TERMIOS_SIZE bytes. For a pseudoterminal's master they are the slave's. ENOTTY: it is no terminal. */
export const getTermios = (terminal: Fd, into: Uint8Array): Call => ioctl(terminal, TCGETS, into);
export const setTermios = (terminal: Fd, termios: Uint8Array): Call => ioctl(terminal, TCSETS, termios);

/** The kernel's `struct termios`: four words of flags, the line discipline, 19 control characters. */
export const TERMIOS_SIZE = 36;
const INPUT_FLAGS = 0;
const OUTPUT_FLAGS = 4;
const CONTROL_FLAGS = 8;
const LOCAL_FLAGS = 12;
const CHARACTERS = 17;
const VEOF = 4;
const VTIME = 5;
const VMIN = 6;

/** What cfmakeraw(3) clears: flag by flag, as the man page lists them. */
const IGNBRK = 0x1;
const BRKINT = 0x2;
const PARMRK = 0x8;
const ISTRIP = 0x20;
const INLCR = 0x40;
const IGNCR = 0x80;
const ICRNL = 0x100;
const IXON = 0x400;
const OPOST = 0x1;
const ONLCR = 0x4;
const ECHO = 0x8;
const ECHONL = 0x40;
const ICANON = 0x2;
const ISIG = 0x1;
const IEXTEN = 0x8000;
const CSIZE = 0x30;
const PARENB = 0x100;
const CS8 = 0x30;

/** The same termios, but raw as cfmakeraw(3) makes it: every key is a byte, every byte is printed. */
export function rawTermios(termios: Uint8Array): Uint8Array {
  const raw = termios.slice();
  change(raw, INPUT_FLAGS, IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
  change(raw, OUTPUT_FLAGS, OPOST);
  change(raw, CONTROL_FLAGS, CSIZE | PARENB, CS8);
  change(raw, LOCAL_FLAGS, ECHO | ECHONL | ICANON | ISIG | IEXTEN);
  raw[CHARACTERS + VMIN] = 1;
  raw[CHARACTERS + VTIME] = 0;
  return raw;
}

/** The same termios, but a newline is printed as it is, without a carriage return before it. */
export function plainTermios(termios: Uint8Array): Uint8Array {
  const plain = termios.slice();
  change(plain, OUTPUT_FLAGS, ONLCR);
  return plain;
}

function change(termios: Uint8Array, at: number, clear: number, set = 0): void {
  const view = new DataView(termios.buffer);
  view.setUint32(at, (view.getUint32(at, true) & ~clear) | set, true);
}

/** The character that ends a terminal's input, Ctrl-D as a rule; 0 for none. */
export function endCharacter(termios: Uint8Array): number {
  return termios[CHARACTERS + VEOF] ?? 0;
}
