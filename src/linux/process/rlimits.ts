import type { Process } from "../../../runtime-spec/config.ts";
import type { Caller } from "../../agent/caller.ts";
import { getrlimit, prlimit64 } from "../../kernel/calls.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { attempt, here, onBehalfOf } from "../../kernel/here.ts";
import { RLIMIT_NOFILE, RLIMITS } from "../../kernel/rlimits.ts";
import { hardLimit, RLIMIT_SIZE, rlimit64 } from "../../kernel/structs.ts";
import { fail } from "../../kernel/user-error.ts";

/**
 * Sets the limits of a process from outside, with tsrun's privileges: in a user namespace it could not
 * raise them itself. Limits that the config doesn't name stay those of tsrun's caller. @throws UserError
 */
export function setRlimits(pid: number, { rlimits = [] }: Process, caller: Pick<Caller, "openFiles">): void {
  if (!rlimits.some(({ type }) => type === "RLIMIT_NOFILE")) giveBackOpenFiles(pid, caller);
  for (const [index, { type, soft, hard }] of rlimits.entries()) {
    const resource = RLIMITS[type];
    const where = `process.rlimits[${index}]`;
    if (resource === undefined) fail(`${where}.type`, `unknown limit ${type}`);
    const result = onBehalfOf(where, () => attempt(prlimit64(pid, resource, rlimit64(soft, hard))));
    if (result < 0)
      fail(
        where,
        `cannot set ${type} to soft ${soft}, hard ${hard}: prlimit64: ${errnoWords(-result)}${hintFor(type, -result)}`,
      );
  }
}

function hintFor(type: string, errno: number): string {
  if (errno !== ERRNO.EPERM) return "";
  const most = type === "RLIMIT_NOFILE" ? ", and nobody one above /proc/sys/fs/nr_open" : "";
  return `; only CAP_SYS_RESOURCE of the host may raise a hard limit${most}`;
}

/** Gives a process the soft limit of open files that the caller had, where tsrun has another one. */
export function giveBackOpenFiles(pid: number, { openFiles }: Pick<Caller, "openFiles">): void {
  if (openFiles === 0n) return;
  const limits = new Uint8Array(new ArrayBuffer(RLIMIT_SIZE));
  here(getrlimit(RLIMIT_NOFILE, limits));
  const call = prlimit64(pid, RLIMIT_NOFILE, rlimit64(openFiles, hardLimit(limits)));
  onBehalfOf("open files as tsrun's caller had them", () => attempt(call)); // one that has ended is noticed by whoever waits
}
