/** Where files of mailboxes are mapped, one after the other. */
import { mmapNothing, mmapShared, mmapSharedAt, munmap } from "../kernel/calls.ts";
import { memoryAt } from "../kernel/ffi.ts";
import { attempt, here } from "../kernel/here.ts";
import { MAILBOX_SPAN } from "./layout.ts";

/** Address space for one file, and its beginning as JavaScript sees it. */
interface Slot {
  readonly address: number;
  readonly beginning: Uint8Array;
}

/**
 * Slots to use again, with nothing mapped there. JavaScript's view counts for the garbage collector as if it were memory
 * of its own: with a new one for each file it would have to collect after every dozen commands.
 */
const free: Slot[] = [];
const MOST_FREE = 16;

/** Maps a file; of its beginning, which is as long in all of them, so many bytes are seen. @throws SyscallError */
export function mapped(file: number, beginning: number): Slot {
  const slot = free.pop();
  if (slot !== undefined) {
    here(mmapSharedAt(slot.address, file, MAILBOX_SPAN));
    return slot;
  }
  const address = here(mmapShared(file, MAILBOX_SPAN));
  return { address, beginning: memoryAt(address, beginning) };
}

/** Nobody may touch the memory any more. */
export function unmap(slot: Slot): void {
  if (free.length < MOST_FREE && attempt(mmapNothing(slot.address, MAILBOX_SPAN)) >= 0) free.push(slot);
  else attempt(munmap(slot.address, MAILBOX_SPAN));
}
