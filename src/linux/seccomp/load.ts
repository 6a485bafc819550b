/**
 * Loading a filter into the process that becomes the container's program: after everything but execve(2), so that
 * a profile need not allow anything for tsrun's sake but that one call.
 *
 * seccomp(2) wants no_new_privs or CAP_SYS_ADMIN. With `process.noNewPrivileges` there is the former. Without it the
 * process keeps CAP_SYS_ADMIN, in its permitted and effective set only, up to its execve(2), which computes both
 * sets anew from the inheritable, bounding and ambient ones (capabilities(7), "Transformation of capabilities during
 * execve()") and so forgets it. runc instead loads the filter before it drops its capabilities, and thus every
 * profile must allow what follows: capset, prctl, setresuid, chdir, futex …
 *
 * What is still possible: until its start, the parked init of such a container has CAP_SYS_ADMIN in its user
 * namespace. It executes nothing but tsrun's program, and is not dumpable: only a process with CAP_SYS_PTRACE over
 * that user namespace could take it over, and such a one has had the same chance while the init was set up.
 */
import type { Process } from "../../../runtime-spec/config.ts";
import type { Seccomp } from "../../../runtime-spec/config-linux-seccomp.ts";
import type { Mailbox } from "../../agent/mailbox.ts";
import type { StepResult } from "../../kernel/call.ts";
import { SOCK_FILTER_SIZE, setSeccompFilter, sockFprog } from "../../kernel/seccomp.ts";
import type { SeccompFilter } from "./filter.ts";

const NEEDED = "CAP_SYS_ADMIN";

/** The filter of `linux.seccomp`, null without one; only then is what makes filters loaded. @throws ConfigError */
export async function filterOf(seccomp: Seccomp | undefined): Promise<SeccompFilter | null> {
  return seccomp === undefined ? null : (await import("./filter.ts")).seccompFilter(seccomp);
}

/** Bytes that a filter takes in a mailbox. */
export function filterSize(filter: SeccompFilter | null): number {
  return filter === null ? 0 : filter.program.byteLength + 64;
}

/** The process with what it takes to load a filter; executing its program leaves it what its config says. */
export function untilFiltered(process: Process): Process {
  if (process.noNewPrivileges) return process;
  const { capabilities = {} } = process;
  const { effective = [], permitted = [], inheritable = [], ambient = [] } = capabilities;
  return {
    ...process,
    capabilities: {
      ...capabilities,
      effective: [...effective, NEEDED],
      permitted: [...permitted, NEEDED],
      // The kernel takes an ambient capability only if it is permitted and inheritable: CAP_SYS_ADMIN must not
      // get in because it is permitted for a moment.
      ambient: ambient.filter((name) => permitted.includes(name) && inheritable.includes(name)),
    },
  };
}

/** Adds the step that loads the filter; its result is the listener, if the filter has one. */
export function loadFilter(agent: Mailbox, { program, flags }: SeccompFilter): StepResult {
  const address = agent.place(program);
  agent.program.by("config.json: linux.seccomp");
  return agent.program.add(
    setSeccompFilter(flags, sockFprog(program.byteLength / SOCK_FILTER_SIZE, address)),
  );
}
