/**
 * The relay between the caller's standard streams and the master of a container's terminal:
 *
 *     stdin ──▶ input ──▶ master ──▶ output ──▶ stdout
 *
 * Each direction reads only after it has written what it read before, and neither waits for the other: input still
 * reaches a program that prints without end, and the other way round.
 *
 * tsrun keeps a descriptor of the slave too. So the master reports no hang-up if the program closes its terminal and
 * opens it again; that the program has ended is seen from its pidfd.
 */
import type { Streams } from "../../agent/caller.ts";
import { close, fcntl, ppoll, read, write } from "../../kernel/calls.ts";
import { F_SETFL, O_NONBLOCK, POLLIN, POLLOUT } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { attempt, here } from "../../kernel/here.ts";
import { PollSet } from "../../kernel/poll.ts";
import { pollFd } from "../../kernel/structs.ts";
import { endCharacter, getTermios, TERMIOS_SIZE } from "../../kernel/terminal.ts";

/** The most that a terminal gives at once, and that a writable pipe takes without blocking (PIPE_BUF). */
const CHUNK = 4096;

/** How long one wait lasts, in milliseconds: JavaScript's signal handlers run between two. */
const TURN = 100;

/** More than a terminal buffers: what is read beyond it after the program's end comes from other processes. */
const MOST_HELD = 65_536;

/** Places in the poll set. */
const PROCESS = 0;
const TYPED = 1;
const MASTER = 2;
const PRINTED = 3;

const LATER: readonly number[] = [ERRNO.EAGAIN, ERRNO.EINTR];

/** The two ends of a pseudoterminal, as descriptors of tsrun. */
export interface Ends {
  readonly master: number;
  readonly slave: number;
}

/** One direction, with the bytes that are read and not yet written. */
class Flow {
  private readonly buffer = new Uint8Array(CHUNK);
  private rest = this.buffer.subarray(0, 0);

  get isEmpty(): boolean {
    return this.rest.byteLength === 0;
  }

  /** One read(2): how many bytes came, 0 at the end, or the negative errno. */
  fill(from: number): number {
    const count = attempt(read(from, this.buffer));
    if (count > 0) this.rest = this.buffer.subarray(0, count);
    return count;
  }

  /** One write(2). Returns false when the reader has gone. */
  flush(to: number): boolean {
    const count = attempt(write(to, this.rest));
    if (count > 0) this.rest = this.rest.subarray(count);
    return count >= 0 || LATER.includes(-count);
  }

  /** Queues this byte for writing, as if it had been read. */
  put(byte: number): void {
    this.buffer[0] = byte;
    this.rest = this.buffer.subarray(0, 1);
  }
}

/** Passes on what is typed and what is printed, while the container's process runs. */
export class Relay {
  private readonly input = new Flow();
  private readonly output = new Flow();
  private readonly set = new PollSet(4);
  private readonly ends: Ends;
  private readonly stdin: number;
  private readonly stdout: number;
  private readonly isTyped: boolean;
  private hasInput = true;
  private hasOutput = true;

  /** Takes the ends. `isTyped`: stdin is a terminal. */
  constructor(ends: Ends, [stdin, stdout]: Streams, isTyped: boolean) {
    this.ends = ends;
    this.stdin = stdin;
    this.stdout = stdout;
    this.isTyped = isTyped;
    here(fcntl(ends.master, F_SETFL, O_NONBLOCK));
  }

  /**
   * Runs until the process of `pidfd` has ended and all its output is passed on, or nobody reads the output any more.
   * Then the terminal is hung up: processes that still use it get SIGHUP and errors, as when a window is closed.
   */
  async until(pidfd: number): Promise<void> {
    let turned = performance.now();
    while (this.hasOutput) {
      const found = this.wait(pidfd);
      if (found) this.pass();
      if (found && this.set.found(PROCESS) !== 0) break;
      if (!this.hasInput && !this.isTyped) this.sayEnd();
      if (found && performance.now() - turned < TURN) continue;
      await Bun.sleep(0);
      turned = performance.now();
    }
    this.drain();
    here(close(this.ends.master));
    here(close(this.ends.slave));
  }

  private wait(pidfd: number): boolean {
    const { set, input, output, ends } = this;
    set.watch(PROCESS, pidfd, POLLIN);
    set.watch(TYPED, this.stdin, this.hasInput && input.isEmpty ? POLLIN : 0);
    set.watch(MASTER, ends.master, (output.isEmpty ? POLLIN : 0) | (input.isEmpty ? 0 : POLLOUT));
    set.watch(PRINTED, this.stdout, output.isEmpty ? 0 : POLLOUT);
    return set.wait(TURN);
  }

  /** Does what can be done without waiting. */
  private pass(): void {
    const { set, input, output, ends } = this;
    const atMaster = set.found(MASTER);
    if ((atMaster & POLLOUT) !== 0) input.flush(ends.master);
    if (set.found(PRINTED) !== 0) this.hasOutput = output.flush(this.stdout);
    if ((atMaster & POLLIN) !== 0) output.fill(ends.master);
    if (set.found(TYPED) === 0) return;
    const count = input.fill(this.stdin);
    this.hasInput = count > 0 || LATER.includes(-count);
  }

  /**
   * Passes on the end of an input that is no terminal as the terminal's end-of-file character. One is always there to
   * be read, so that every read from the container's terminal finds the end, as with a file or a closed pipe.
   */
  private sayEnd(): void {
    if (!this.input.isEmpty || attempt(ppoll(pollFd(this.ends.slave, POLLIN), 0)) !== 0) return;
    const termios = new Uint8Array(TERMIOS_SIZE);
    here(getTermios(this.ends.slave, termios));
    const end = endCharacter(termios);
    if (end !== 0) this.input.put(end);
  }

  /** Reads what the process wrote just before its end; other processes may go on writing. */
  private drain(): void {
    for (let held = 0; this.hasOutput; ) {
      while (!this.output.isEmpty && this.hasOutput) {
        attempt(ppoll(pollFd(this.stdout, POLLOUT), TURN));
        this.hasOutput = this.output.flush(this.stdout);
      }
      if (held >= MOST_HELD || this.output.fill(this.ends.master) <= 0) return;
      held += CHUNK;
    }
  }
}
