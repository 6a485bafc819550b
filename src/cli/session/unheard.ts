/** Ctrl-C that does nothing. Loaded only when a person at a terminal has pressed it. */
import { statusField } from "../../container/state/process-info.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, readText } from "../../kernel/files.ts";
import { SIGNALS } from "../../kernel/signals.ts";
import { complain } from "../output/output.ts";
import type { Session } from "./session.ts";

/**
 * Says so if a container's process, by its pid, doesn't hear the signal of Ctrl-C: the first process of a PID namespace
 * gets none that it has no handler for (pid_namespaces(7)).
 */
export function tellIfUnheard(session: Session, pid: number): void {
  if (isUnheard(pid, SIGNALS.SIGINT))
    complain(
      session,
      "tsrun: the container's first process has no handler for Ctrl-C (SIGINT), and so doesn't get it: `tsrun kill ID KILL` ends it",
    );
}

function isUnheard(pid: number, signal: number): boolean {
  let status: string;
  try {
    status = readText(`/proc/${pid}/status`);
  } catch (error) {
    if (isErrno(error, ERRNO.ENOENT, ERRNO.ESRCH)) return false; // it has ended
    throw error;
  }
  const heard = BigInt(`0x${statusField(status, "SigCgt")}`) | BigInt(`0x${statusField(status, "SigBlk")}`);
  const isFirst = statusField(status, "NSpid").endsWith("\t1");
  return isFirst && (heard & (1n << BigInt(signal - 1))) === 0n;
}
