import { close, pipe2, ppoll, read } from "../../kernel/calls.ts";
import { O_CLOEXEC, POLLIN } from "../../kernel/constants.ts";
import { attempt, here } from "../../kernel/here.ts";
import { PollSet } from "../../kernel/poll.ts";
import { pollFd } from "../../kernel/structs.ts";
import { waitFor } from "../../kernel/wait.ts";

/** How much of a process's last output is kept, in characters. */
const KEPT = 16_384;
/** How often its output is read before the other work of this process goes on. */
const MOST_AT_ONCE = 16;

/**
 * The pipe from a process that is waited for: a hook, criu(8). If that fails, what it has printed is part of the error.
 */
export class ProcessOutput {
  readEnd: number;
  writeEnd: number;
  private text = "";
  private readonly decoder = new TextDecoder();

  constructor() {
    const ends = new Int32Array(2);
    here(pipe2(new Uint8Array(ends.buffer), O_CLOEXEC));
    [this.readEnd = -1, this.writeEnd = -1] = ends;
  }

  /**
   * Takes in what is printed until one of these descriptors can be read, as a pidfd when its process has ended. At most
   * so many milliseconds; returns whether one can.
   */
  until(others: readonly number[], milliseconds: number): Promise<boolean> {
    const polled = new PollSet(others.length + 1);
    return waitFor((still) => this.serve(polled, others, still), milliseconds);
  }

  private serve(polled: PollSet, others: readonly number[], milliseconds: number): boolean {
    for (let left = MOST_AT_ONCE; left > 0; left--) {
      polled.watch(others.length, this.readEnd, POLLIN);
      for (const [index, other] of others.entries()) polled.watch(index, other, POLLIN);
      if (!polled.wait(left === MOST_AT_ONCE ? milliseconds : 0)) return false;
      if (polled.found(others.length) !== 0) this.take();
      if (others.some((_, index) => polled.found(index) !== 0)) return true;
    }
    return false;
  }

  /** Reads what is there, once ppoll(2) has said that there is something, or that nobody can write any more. */
  private take(): void {
    const bytes = new Uint8Array(65_536);
    const count = here(read(this.readEnd, bytes));
    if (count === 0) this.closeReadEnd();
    this.text = (this.text + this.decoder.decode(bytes.subarray(0, count), { stream: true })).slice(-KEPT);
  }

  /** What it has printed. At most 1 MiB is read, the size of a pipe: a process that is left behind may go on writing. */
  printed(): string {
    for (let rounds = 16; rounds > 0 && this.readEnd >= 0; rounds--) {
      if (attempt(ppoll(pollFd(this.readEnd, POLLIN), 0)) <= 0) break;
      this.take();
    }
    return this.text;
  }

  /** The last lines, joined. */
  tail(): string {
    const lines = this.printed().split("\n");
    return lines
      .map((line) => line.replace(/\p{Cc}+/gu, " ").trim())
      .filter((line) => line !== "")
      .slice(-5)
      .join(" | ")
      .slice(-500);
  }

  closeWriteEnd(): void {
    if (this.writeEnd >= 0) here(close(this.writeEnd));
    this.writeEnd = -1;
  }

  private closeReadEnd(): void {
    if (this.readEnd >= 0) here(close(this.readEnd));
    this.readEnd = -1; // ppoll(2) leaves out negative descriptors
  }

  close(): void {
    this.closeWriteEnd();
    this.closeReadEnd();
  }
}
