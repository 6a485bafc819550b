/** What a hook prints: if it fails, its last lines are part of the error. */
import { close, pipe2, ppoll, read } from "../../kernel/calls.ts";
import { O_CLOEXEC, POLLIN } from "../../kernel/constants.ts";
import { attempt, here } from "../../kernel/here.ts";
import { pollFd } from "../../kernel/structs.ts";

/** How much of a hook's last output is kept, in characters. */
const TAIL = 1024;

/** The pipe from a hook's standard output and error. */
export class HookOutput {
  readEnd: number;
  writeEnd: number;
  private text = "";
  private readonly decoder = new TextDecoder();

  constructor() {
    const ends = new Int32Array(2);
    here(pipe2(new Uint8Array(ends.buffer), O_CLOEXEC));
    [this.readEnd = -1, this.writeEnd = -1] = ends;
  }

  /** Reads what is there, once ppoll(2) has said that there is something, or that nobody can write any more. */
  take(): void {
    const bytes = new Uint8Array(65_536);
    const count = here(read(this.readEnd, bytes));
    if (count === 0) this.closeReadEnd();
    this.text = (this.text + this.decoder.decode(bytes.subarray(0, count), { stream: true })).slice(-TAIL);
  }

  /**
   * The last lines, joined. At most 1 MiB is read, the size of a pipe: a process that is left behind may go on writing.
   */
  tail(): string {
    for (let rounds = 16; rounds > 0 && this.readEnd >= 0; rounds--) {
      if (attempt(ppoll(pollFd(this.readEnd, POLLIN), 0)) <= 0) break;
      this.take();
    }
    const lines = this.text.split("\n").map((line) => line.replace(/\p{Cc}+/gu, " ").trim());
    return lines
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
