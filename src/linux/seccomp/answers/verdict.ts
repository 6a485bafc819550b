import { errnoName } from "../../../kernel/errno.ts";
import {
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_DATA,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from "../../../kernel/seccomp.ts";

type Action = "allow" | "log" | "errno" | "notify" | "trace" | "trap" | "kill thread" | "kill process";

const ACTIONS: ReadonlyMap<number, Action> = new Map([
  [SECCOMP_RET_ALLOW, "allow"],
  [SECCOMP_RET_LOG, "log"],
  [SECCOMP_RET_ERRNO, "errno"],
  [SECCOMP_RET_USER_NOTIF, "notify"],
  [SECCOMP_RET_TRACE, "trace"],
  [SECCOMP_RET_TRAP, "trap"],
  [SECCOMP_RET_KILL_THREAD, "kill thread"],
]);

/** What the kernel does about what a filter returns: unknown actions kill the process (seccomp(2)). */
export const actionOf = (value: number): Action =>
  ACTIONS.get((value & ~SECCOMP_RET_DATA) >>> 0) ?? "kill process";

/** The action's data: an errno, or what a tracer is told. */
export const dataOf = (value: number): number => value & SECCOMP_RET_DATA;

/** The call is made; with SCMP_ACT_LOG it is logged too. */
export const isAllowed = (value: number): boolean => ["allow", "log"].includes(actionOf(value));

/** Another process decides, if there is one. */
export const isDeferred = (value: number): boolean => ["notify", "trace"].includes(actionOf(value));

/** `allow`, `EPERM`, `kill thread`. */
export function verdictWords(value: number): string {
  const action = actionOf(value);
  return action === "errno" ? errnoName(dataOf(value)) : action;
}
