import type { Streams } from "../../agent/caller.ts";
import { attempt } from "../../kernel/here.ts";
import {
  getTermios,
  getWindowSize,
  isTerminal,
  rawTermios,
  setTermios,
  TERMIOS_SIZE,
  WINSIZE_SIZE,
  type WindowSize,
  windowSize,
} from "../../kernel/terminal.ts";

/** The terminal that tsrun was called from; there may be none, or only some of the standard streams may be it. */
export class CallerTerminal implements Disposable {
  /** Whether the caller types on a terminal. */
  readonly isTyped: boolean;
  private readonly input: number;
  private readonly output: number;
  private readonly sized: number | undefined;
  private readonly original: Uint8Array;
  private changed = false;

  constructor(streams: Streams) {
    [this.input, this.output] = streams;
    this.original = new Uint8Array(TERMIOS_SIZE);
    this.isTyped = attempt(getTermios(this.input, this.original)) >= 0;
    this.sized = streams.find((fd) => attempt(getWindowSize(fd, new Uint8Array(WINSIZE_SIZE))) >= 0);
  }

  /** Whether output goes to a terminal that `makeRaw` puts into raw mode. */
  get printsRaw(): boolean {
    return this.isTyped && isTerminal(this.output);
  }

  /**
   * Puts the terminal into raw mode: what Ctrl-C means is decided by the container's terminal. From a background job
   * this stops tsrun until it is in the foreground (SIGTTOU), like any program that sets its terminal.
   */
  makeRaw(): void {
    if (!this.isTyped) return;
    this.changed = true;
    attempt(setTermios(this.input, rawTermios(this.original))); // EIO: it has been hung up
  }

  /** Its size now; null without a terminal, or when the size is not known. */
  get size(): WindowSize | null {
    if (this.sized === undefined) return null;
    const bytes = new Uint8Array(WINSIZE_SIZE);
    if (attempt(getWindowSize(this.sized, bytes)) < 0) return null; // EIO: it has been hung up
    const size = windowSize(bytes);
    return size.height === 0 || size.width === 0 ? null : size;
  }

  /** Gives it back as it was. */
  [Symbol.dispose](): void {
    if (this.changed) attempt(setTermios(this.input, this.original)); // EIO: it has been hung up
    this.changed = false;
  }
}
