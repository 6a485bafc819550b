/**
 * How agents end with a tsrun that is killed. The kernel signals them (prctl(2), PR_SET_PDEATHSIG), once they have
 * asked for it; one that came too late to ask sees it in its mailbox file: there the kernel itself notes tsrun's death
 * in a robust futex (set_robust_list(2)), and it does so before it signals tsrun's children.
 */
import { exitGroup, prctl, setRobustList } from "../kernel/calls.ts";
import { FUTEX_OWNER_DIED, PR_SET_PDEATHSIG, SIGKILL } from "../kernel/constants.ts";
import { here } from "../kernel/here.ts";
import { MAILBOX, MAILBOX_ADDRESS, STEPS_OFFSET } from "./layout.ts";
import { type Program, wordIs } from "./program.ts";

const NEXT = MAILBOX.kept >> 2;

/** `struct robust_list_head`, in shared memory: what is tsrun's alone may be gone when it is killed for want of memory. */
let head: Uint32Array | null = null;

/** Lets the kernel note tsrun's death in the first header of a mailbox file, which stays mapped at `address`. */
export function noteDeath(bytes: Uint8Array, address: number): void {
  const header = new Uint32Array(bytes.buffer, bytes.byteOffset, STEPS_OFFSET >> 2);
  header[MAILBOX.keeper >> 2] = process.pid;
  const entry = address + MAILBOX.kept;
  if (head !== null) {
    header[NEXT] = head[NEXT] ?? 0;
    header[NEXT + 1] = head[NEXT + 1] ?? 0;
    setWord(head, NEXT, entry);
    return;
  }
  // The first is the list's head, and its own futex the one that is pending.
  setWord(header, NEXT, entry);
  setWord(header, NEXT + 2, MAILBOX.keeper - MAILBOX.kept);
  setWord(header, NEXT + 4, entry);
  head = header;
  here(setRobustList(entry));
}

function setWord(words: Uint32Array, at: number, value: number): void {
  words[at] = value;
  words[at + 1] = Math.floor(value / 2 ** 32);
}

/** Adds the steps after which an agent ends with tsrun. Whatever changes its rights makes the kernel forget them. */
export function dieWithTsrun(program: Program): void {
  program.add(prctl(PR_SET_PDEATHSIG, SIGKILL));
  const isDead = wordIs(MAILBOX_ADDRESS + MAILBOX.keeper, FUTEX_OWNER_DIED);
  program.whenOk(isDead, "all", () => program.add(exitGroup(1)));
}
