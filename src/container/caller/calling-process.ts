/** What proc(5) tells of a process that calls tsrun. */
import type { Environment } from "../../agent/caller.ts";
import { statusField } from "../state/process-info.ts";

/** The process that calls, and what is known of it by now. */
export interface CallingProcess {
  readonly pid: number;
  /** Its pidfd, which stays the giver's. */
  readonly pidfd: number;
  /** Its file `status` in proc(5). */
  readonly status: string;
  readonly env: Environment;
  /** See `Caller`. */
  namespace(file: string): string;
}

/** The second of four: the effective id. */
export const idIn = (status: string, name: "Uid" | "Gid") =>
  Number(statusField(status, name).split(/\s+/)[1]);

/** A mask in hexadecimal, with signal 1 as its lowest bit. */
export function signalsIn(mask: string): readonly number[] {
  const bits = BigInt(`0x${mask || "0"}`);
  return Array.from({ length: 64 }, (_, index) => index + 1).filter(
    (signal) => ((bits >> BigInt(signal - 1)) & 1n) === 1n,
  );
}

/** proc_pid_environ(5) */
export function environmentIn(text: string): Environment {
  const env: Record<string, string> = {};
  for (const entry of text.split("\0")) {
    const end = entry.indexOf("=");
    if (end >= 0) env[entry.slice(0, end)] = entry.slice(end + 1);
  }
  return env;
}
