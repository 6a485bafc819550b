import type { Seccomp, SeccompFlag } from "../../../runtime-spec/config-linux-seccomp.ts";
import type { Caller } from "../../agent/caller.ts";
import { ERRNO, errnoName, errnoText } from "../../kernel/errno.ts";
import { attempt } from "../../kernel/here.ts";
import {
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_RET_DATA,
  SECCOMP_RET_ERRNO,
  setSeccompFilter,
} from "../../kernel/seccomp.ts";
import { span } from "../../kernel/span.ts";
import { ARCHITECTURE, type SyscallName, syscallNumber } from "../../kernel/syscall-numbers.ts";
import { fail } from "../../kernel/user-error.ts";
import { cacheKey, cacheOf, openCache } from "./cache.ts";
import { compile } from "./compile.ts";
import { evaluate } from "./evaluate.ts";
import { findLibrary } from "./libseccomp.ts";
import { ACTIONS, FLAGS } from "./tables.ts";

/** A profile ready to be loaded. */
export interface SeccompFilter {
  /** An array of `struct sock_filter`. */
  readonly program: Uint8Array;
  /** The flags of seccomp(2). */
  readonly flags: number;
  /** Who decides about the calls with SCMP_ACT_NOTIFY; null when there are none. */
  readonly listener: Listener | null;
}

export interface Listener {
  /** A Unix socket that somebody listens on. */
  readonly path: string;
  readonly metadata: string | undefined;
}

/** Default flags of a profile, as far as the kernel knows them: runc's. */
const DEFAULT_FLAGS: readonly SeccompFlag[] = ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"];

/** The filter of `linux.seccomp`, from the caller's cache if it is there. @throws UserError */
export const filterFor = (caller: Pick<Caller, "uid" | "env">, seccomp: Seccomp): SeccompFilter =>
  seccompFilter(seccomp, cacheOf(caller));

/** The filter of `linux.seccomp`; `cache` is the directory of compiled ones, or null. @throws UserError */
function seccompFilter(seccomp: Seccomp, cache: string | null): SeccompFilter {
  const listener = listenerOf(seccomp);
  const flags = flagsOf(seccomp, listener);
  return { program: programOf(seccomp, listener, cache), flags, listener };
}

function listenerOf({ syscalls = [], listenerPath, listenerMetadata }: Seccomp): Listener | null {
  if (!syscalls.some(({ action }) => action === "SCMP_ACT_NOTIFY")) return null;
  if (listenerPath === undefined) fail("linux.seccomp.listenerPath", "is required with SCMP_ACT_NOTIFY");
  return { path: listenerPath, metadata: listenerMetadata };
}

/** The flags as a number; asks the kernel, with a filter at no address, whether it takes them. */
function flagsOf({ flags }: Seccomp, listener: Listener | null): number {
  let sum = listener === null ? 0 : SECCOMP_FILTER_FLAG_NEW_LISTENER;
  for (const [index, flag] of (flags ?? DEFAULT_FLAGS).entries()) {
    // The kernel refuses a listener's flag if there is no listener; validation warns.
    if (flag === "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" && listener === null) continue;
    if (kernelTakes(sum | FLAGS[flag])) sum |= FLAGS[flag];
    else if (flags !== undefined) fail(`linux.seccomp.flags[${index}]`, `this kernel has no ${flag}`);
  }
  return sum;
}

/** Whether the kernel knows these flags of seccomp(2). Loads nothing. */
export function kernelTakes(flags: number): boolean {
  return attempt(setSeccompFilter(flags, 0)) !== -ERRNO.EINVAL;
}

/** The instructions, from the cache or compiled. Cached ones have passed the check. */
function programOf(seccomp: Seccomp, listener: Listener | null, directory: string | null): Uint8Array {
  const library = findLibrary();
  const { defaultAction, defaultErrnoRet = null, architectures = [], syscalls = [] } = seccomp;
  const key = cacheKey(
    ...[ARCHITECTURE, library.identity],
    ...[defaultAction, defaultErrnoRet, architectures, syscalls],
  );
  using cache = openCache(directory);
  const kept = cache?.get(key);
  if (kept) return kept;
  const program = span("other", "libseccomp compiles linux.seccomp", () => compile(seccomp, library.path));
  refuseSuicide(program, listener);
  cache?.set(key, program);
  return program;
}

/** Calls that tsrun's init makes after it has loaded a filter: the last of all, and with a listener its waits. */
const LAST_CALLS = ["execve"] as const;
const LAST_CALLS_LISTENED = ["futex", "execve"] as const;

/** Actions that keep tsrun's own calls from being made. */
const DEADLY: ReadonlySet<number> = new Set([
  ACTIONS.SCMP_ACT_KILL_PROCESS,
  ACTIONS.SCMP_ACT_KILL_THREAD,
  ACTIONS.SCMP_ACT_TRAP,
  SECCOMP_RET_ERRNO,
]);

/** A filter that forbids even execve(2) is an error in the profile, reported before anything is made. */
function refuseSuicide(program: Uint8Array, listener: Listener | null): void {
  for (const name of listener === null ? LAST_CALLS : LAST_CALLS_LISTENED) {
    const result = evaluate(program, { number: syscallNumber(name) });
    if (result === null) continue;
    const action = (result & ~SECCOMP_RET_DATA) >>> 0;
    if (DEADLY.has(action)) fail("linux.seccomp", complaint(name, action, result & SECCOMP_RET_DATA));
  }
}

function complaint(name: SyscallName, action: number, data: number): string {
  const what =
    action === SECCOMP_RET_ERRNO
      ? `denies ${name} (${errnoName(data)}, ${errnoText(data)})`
      : `kills a process that calls ${name}`;
  const why =
    name === "execve" ? "with which the container's program is started" : "on which its start waits";
  return `${what}, ${why}: add "${name}" to the syscalls with SCMP_ACT_ALLOW`;
}
