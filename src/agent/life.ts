/**
 * How agents end with a tsrun that is killed. The kernel signals those that have asked for it (prctl(2),
 * PR_SET_PDEATHSIG). An agent that asks too late sees it in its mailbox file: the kernel notes tsrun's death there in a
 * robust futex (set_robust_list(2)), before it signals tsrun's children.
 */
import { exitGroup, prctl, setRobustList } from "../kernel/calls.ts";
import { FUTEX_OWNER_DIED, PR_SET_PDEATHSIG, SIGKILL } from "../kernel/constants.ts";
import { attempt, here } from "../kernel/here.ts";
import { MAILBOX, MAILBOX_ADDRESS } from "./layout.ts";
import { type Program, wordIs } from "./program.ts";

/** `struct robust_list_head` and an entry of the list in one, in a mailbox file's first header. */
interface Kept {
  readonly address: number;
  /** next, futex_offset, list_op_pending */
  readonly words: BigInt64Array;
}

/**
 * The mailbox files in use, in the order of their robust list. The list is a ring, and each entry can be its head, with
 * its own futex as the pending one. It lies in shared memory, since tsrun's own may be gone when it is killed for want
 * of memory. As tsrun may be killed between any two lines, one word is changed at a time, and the ring is whole after
 * each change.
 */
const ring: Kept[] = [];
let head: Kept | null = null;

/** Lets the kernel note tsrun's death in the first header of a mailbox file, which is mapped at `address`. */
export function noteDeath(header: Uint8Array, address: number): Kept {
  new DataView(header.buffer, header.byteOffset).setUint32(MAILBOX.keeper, process.pid, true);
  const words = new BigInt64Array(header.buffer, header.byteOffset + MAILBOX.kept, 3);
  const kept = { address: address + MAILBOX.kept, words };
  words[1] = BigInt(MAILBOX.keeper - MAILBOX.kept);
  words[2] = BigInt(kept.address);
  lead(kept, ring[0] ?? kept);
  const last = ring[ring.length - 1];
  ring.push(kept);
  if (last === undefined) {
    here(setRobustList(kept.address));
    head = kept;
  } else lead(last, kept);
  return kept;
}

/** Takes a file off the list. Returns whether it may be unmapped: if not, the kernel reads it when tsrun ends. */
export function forgetDeath(kept: Kept): boolean {
  const index = ring.indexOf(kept);
  const before = ring[(index + ring.length - 1) % ring.length];
  const after = ring[(index + 1) % ring.length];
  if (index < 0 || before === undefined || after === undefined) return false;
  if (head === kept) {
    const next = after === kept ? null : after;
    if (attempt(setRobustList(next?.address ?? 0)) < 0) return false;
    head = next;
  }
  lead(before, after);
  ring.splice(index, 1);
  return true;
}

function lead({ words }: Kept, to: Kept): void {
  Atomics.store(words, 0, BigInt(to.address));
}

/** Adds the steps after which an agent ends with tsrun: again after each change of ids, or the kernel forgets it. */
export function dieWithTsrun(program: Program): void {
  program.add(prctl(PR_SET_PDEATHSIG, SIGKILL));
  const isDead = wordIs(MAILBOX_ADDRESS + MAILBOX.keeper, FUTEX_OWNER_DIED);
  program.whenOk(isDead, "all", () => program.add(exitGroup(1)));
}
