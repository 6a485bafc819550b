/**
 * The seccomp filter of a process, as the kernel has it (PTRACE_SECCOMP_GET_FILTER, ptrace(2)). The process is stopped
 * for that, for some 100 µs: a call in which it sleeps goes on afterwards, or ends with EINTR, as after SIGSTOP and
 * SIGCONT (signal(7)). If tsrun dies meanwhile, the kernel lets it go on.
 */
import { ptrace, wait4 } from "../../kernel/calls.ts";
import {
  __WALL,
  PTRACE_DETACH,
  PTRACE_INTERRUPT,
  PTRACE_SECCOMP_GET_FILTER,
  PTRACE_SEIZE,
  WNOHANG,
} from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { readTextIfThere } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { SOCK_FILTER_SIZE } from "../../kernel/seccomp.ts";
import { UserError } from "../../kernel/user-error.ts";
import { until } from "../../kernel/wait.ts";
import type { SeccompFilter } from "../../linux/seccomp/filter.ts";
import { statusField } from "../state/process-info.ts";

/** How long the process may take to stop, in milliseconds: one that waits for a disk can't. */
const PATIENCE = 2_000;

const WAY_OUT = "; --no-seccomp does without";

/**
 * The filter of a process that has `count` of them; null if these are tsrun's own too, which its children have anyway.
 * @throws UserError when it cannot be copied
 */
export async function copiedFilter(pid: number, count: number): Promise<SeccompFilter | null> {
  const place = `exec: --pid ${pid}`;
  const refuse = (why: string) =>
    new UserError(place, `its seccomp filter cannot be copied: ${why}${WAY_OUT}`);
  const own = filtersOf("self");
  // With one that not every process here has, the same number need not be the same filters.
  if (own > 0 && own !== filtersOf("1"))
    throw refuse("tsrun runs with a filter of its own, and can't tell them apart");
  const more = count - own;
  if (more <= 0) return null;
  // A second one could be loaded only if the first allowed that.
  if (more > 1) throw refuse(`it has ${more} filters, one after the other`);
  const program = await stopped(pid, refuse, () => programOf(pid, refuse));
  return { program, flags: 0, listener: null };
}

const filtersOf = (process: string) =>
  Number(statusField(readTextIfThere(`/proc/${process}/status`) ?? "", "Seccomp_filters") || "0");

/** Does something while the process is stopped. */
async function stopped<T>(pid: number, refuse: (why: string) => UserError, act: () => T): Promise<T> {
  const seized = attempt(ptrace(PTRACE_SEIZE, pid, 0, 0));
  if (seized < 0)
    throw refuse(
      `ptrace: ${errnoWords(-seized)}${seized === -ERRNO.EPERM ? "; does another one trace it?" : ""}`,
    );
  here(ptrace(PTRACE_INTERRUPT, pid, 0, 0));
  const status = new Uint8Array(4);
  if (!(await until(() => attempt(wait4(pid, status, __WALL | WNOHANG)) === pid, PATIENCE)))
    throw refuse("the process does not stop");
  try {
    return act();
  } finally {
    attempt(ptrace(PTRACE_DETACH, pid, 0, 0)); // fails only if the process has been killed
  }
}

/** The newest filter's instructions. */
function programOf(pid: number, refuse: (why: string) => UserError): Uint8Array {
  const length = attempt(ptrace(PTRACE_SECCOMP_GET_FILTER, pid, 0, 0));
  if (length < 0) throw refuse(`ptrace: PTRACE_SECCOMP_GET_FILTER: ${errnoWords(-length)}`);
  const program = new Uint8Array(length * SOCK_FILTER_SIZE);
  here(ptrace(PTRACE_SECCOMP_GET_FILTER, pid, 0, program));
  return program;
}
