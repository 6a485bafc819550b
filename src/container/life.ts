/**
 * How agents end with a tsrun that is killed. The kernel signals them (prctl(2), PR_SET_PDEATHSIG), once they have
 * asked for it; one that came too late to ask finds a lock free that tsrun holds to its end, whatever ends it.
 */
import type { Program } from "../agent/program.ts";
import { CWD, close, exitGroup, flock, memfdCreate, openatInherited, prctl } from "../kernel/calls.ts";
import {
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  MFD_CLOEXEC,
  O_RDONLY,
  PR_SET_PDEATHSIG,
  SIGKILL,
} from "../kernel/constants.ts";
import { here } from "../kernel/here.ts";

/** Held as long as this tsrun lives: nobody inherits it. */
let lock: number | null = null;

/** A descriptor for agents to inherit, by which they see whether the lock is held. The caller closes it. */
export function openWitness(): number {
  if (lock === null) {
    lock = here(memfdCreate("tsrun-life", MFD_CLOEXEC));
    here(flock(lock, LOCK_EX));
  }
  return here(openatInherited(CWD, `/proc/self/fd/${lock}`, O_RDONLY));
}

/** Adds the steps after which an agent that has inherited the witness ends with tsrun. */
export function dieWithTsrun(program: Program, witness: number): void {
  program.add(prctl(PR_SET_PDEATHSIG, SIGKILL));
  program.whenOk(flock(witness, LOCK_SH | LOCK_NB), "all", () => program.add(exitGroup(1)));
  program.add(close(witness));
}
