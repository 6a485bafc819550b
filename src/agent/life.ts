/**
 * How agents end with a tsrun that is killed. The kernel signals them (prctl(2), PR_SET_PDEATHSIG), once they have
 * asked for it; one that came too late to ask sees it in its mailbox file: there the kernel itself notes tsrun's death
 * in a robust futex (set_robust_list(2)), and it does so before it signals tsrun's children.
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
 * The mailbox files in use, in the order of their list. That is a ring in which each can be the head: its own futex is
 * the one that is pending. It is in shared memory: what is tsrun's alone may be gone when it is killed for want of
 * memory. tsrun may be killed between any two lines: so one word is changed at a time, and the ring is whole after each.
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

/** No longer does so: the file may be unmapped. Whether that is so; if not, the kernel looks into it when tsrun ends. */
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

/** Adds the steps after which an agent ends with tsrun. Whatever changes its rights makes the kernel forget them. */
export function dieWithTsrun(program: Program): void {
  program.add(prctl(PR_SET_PDEATHSIG, SIGKILL));
  const isDead = wordIs(MAILBOX_ADDRESS + MAILBOX.keeper, FUTEX_OWNER_DIED);
  program.whenOk(isDead, "all", () => program.add(exitGroup(1)));
}
