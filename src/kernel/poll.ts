import { ppoll } from "./calls.ts";
import { attempt } from "./here.ts";

const POLLFD = { fd: 0, events: 4, revents: 6, size: 8 } as const;

/** Several descriptors to poll again and again: an array of `struct pollfd`. */
export class PollSet {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(length: number) {
    const buffer = new ArrayBuffer(length * POLLFD.size);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Sets which events of a descriptor are waited for; with 0 it is left out. */
  watch(index: number, fd: number, events: number): void {
    const at = index * POLLFD.size;
    this.view.setInt32(at + POLLFD.fd, events === 0 ? -1 : fd, true);
    this.view.setInt16(at + POLLFD.events, events, true);
    this.view.setInt16(at + POLLFD.revents, 0, true);
  }

  /** ppoll(2): false when the time was over or a signal came first. */
  wait(milliseconds: number): boolean {
    return attempt(ppoll(this.bytes, milliseconds)) > 0;
  }

  /** What was found: 0, or events; errors and hang-ups are reported unasked. */
  found(index: number): number {
    return this.view.getInt16(index * POLLFD.size + POLLFD.revents, true);
  }
}
