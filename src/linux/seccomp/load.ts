/**
 * Loading a filter into the process that becomes the container's program: just before execve(2), so that this is the
 * only call that a profile has to allow for tsrun.
 *
 * seccomp(2) needs no_new_privs or CAP_SYS_ADMIN. `process.noNewPrivileges` gives the former. Without it the process
 * keeps CAP_SYS_ADMIN, in its permitted and effective sets only, until execve(2), which drops it by computing both sets
 * anew from the inheritable, bounding and ambient ones (capabilities(7), "Transformation of capabilities during
 * execve()"). runc instead loads the filter before it drops its capabilities, so every profile must allow the calls
 * that follow: capset, prctl, setresuid, chdir, futex …
 *
 * What is still possible: until its start, the parked init of such a container has CAP_SYS_ADMIN in its user
 * namespace. It executes nothing but tsrun's program, and is not dumpable: only a process with CAP_SYS_PTRACE in that
 * user namespace could take it over, and such a process could have done so during the set-up as well.
 */
import type { Process } from "../../../runtime-spec/config.ts";
import type { Seccomp } from "../../../runtime-spec/config-linux-seccomp.ts";
import type { Caller } from "../../agent/caller.ts";
import type { Mailbox } from "../../agent/mailbox.ts";
import type { StepResult } from "../../kernel/call.ts";
import { SOCK_FILTER_SIZE, setSeccompFilter, sockFprog } from "../../kernel/seccomp.ts";
import type { SeccompFilter } from "./filter.ts";

const NEEDED = "CAP_SYS_ADMIN";

/** The filter of `linux.seccomp`; null without one, and then no code for filters is loaded. @throws UserError */
export async function filterOf(
  caller: Pick<Caller, "uid" | "env">,
  seccomp: Seccomp | undefined,
): Promise<SeccompFilter | null> {
  if (seccomp === undefined) return null;
  const { filterFor } = await import("./filter.ts");
  return filterFor(caller, seccomp);
}

/** Bytes that a filter takes in a mailbox. */
export const filterSize = ({ program }: SeccompFilter): number => program.byteLength + 64;

/** The process with the capability to load a filter added; execve(2) leaves it the capabilities of its config. */
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
      // The kernel accepts an ambient capability if it is permitted and inheritable: CAP_SYS_ADMIN, permitted only for
      // a moment, must not become ambient.
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
