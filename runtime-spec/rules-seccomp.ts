/** What ties the properties of `linux.seccomp` together. */

import { Seccomp, type SeccompAction, SeccompSyscall } from "./config-linux-seccomp.ts";
import type { Report } from "./report.ts";
import { rule } from "./walk.ts";

export const SECCOMP_RULES = [
  rule(SeccompSyscall, (syscall, report) => errnoFits(syscall.action, syscall.errnoRet, "errnoRet", report)),
  rule(
    Seccomp,
    (seccomp, report) => errnoFits(seccomp.defaultAction, seccomp.defaultErrnoRet, "defaultErrnoRet", report),
    ["defaultAction", "defaultErrnoRet"],
  ),
  rule(Seccomp, defaultDoesNotNotify, ["defaultAction"]),
  rule(Seccomp, notifyHasListener, ["syscalls", "listenerPath"]),
  rule(Seccomp, metadataHasListener, ["listenerPath", "listenerMetadata"]),
  rule(Seccomp, waitKillableHasNotify, ["syscalls", "flags"]),
];

/** What an action can hand to the process or its tracer: an errno, or 16 bits (seccomp(2)). */
const LARGEST_ERRNO: { readonly [action in SeccompAction]?: number } = {
  SCMP_ACT_ERRNO: 4095,
  SCMP_ACT_TRACE: 65535,
};

function errnoFits(action: SeccompAction, errno: number | undefined, name: string, report: Report): void {
  if (errno === undefined) return;
  const largest = LARGEST_ERRNO[action];
  if (largest === undefined) report.problem(`${action} cannot return an errno, found ${errno}`, name);
  else if (errno > largest)
    report.problem(`must be from 0 to ${largest} with ${action}, found ${errno}`, name);
}

function notifies({ syscalls = [] }: Seccomp): boolean {
  return syscalls.some(({ action }) => action === "SCMP_ACT_NOTIFY");
}

/** Nobody could answer for the calls that install the filter and hand its listener over. */
function defaultDoesNotNotify({ defaultAction }: Seccomp, report: Report): void {
  if (defaultAction === "SCMP_ACT_NOTIFY") report.problem("must not be SCMP_ACT_NOTIFY", "defaultAction");
}

function notifyHasListener(seccomp: Seccomp, report: Report): void {
  if (notifies(seccomp) && seccomp.listenerPath === undefined) {
    report.problem("is required with SCMP_ACT_NOTIFY: nobody would answer", "listenerPath");
  }
}

function metadataHasListener({ listenerPath, listenerMetadata }: Seccomp, report: Report): void {
  if (listenerMetadata !== undefined && listenerPath === undefined) {
    report.problem("must not be set without listenerPath", "listenerMetadata");
  }
}

function waitKillableHasNotify(seccomp: Seccomp, report: Report): void {
  const flag = seccomp.flags?.indexOf("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") ?? -1;
  if (flag !== -1 && !notifies(seccomp)) report.warning("is ignored without SCMP_ACT_NOTIFY", "flags", flag);
}
