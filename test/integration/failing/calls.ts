/**
 * In the place of src/kernel/ffi.ts in a tsrun for tests. Each system call is known by where in tsrun it is made. The
 * first that TSRUN_FAILS names is not made and has the errno TSRUN_ERRNO. At its end tsrun writes the names of all that
 * it has made to the file TSRUN_CALLS.
 */
import { writeFileSync } from "node:fs";
import * as real from "../../../src/kernel/ffi.ts";
import { syscallNumber } from "../../../src/kernel/syscall-numbers.ts";

export * from "../../../src/kernel/ffi.ts";

type Word = number | bigint;

const { TSRUN_FAILS, TSRUN_ERRNO, TSRUN_CALLS = "/dev/null" } = process.env;
const errno = Number(TSRUN_ERRNO);
const exit = syscallNumber("exit_group");
/** These never fail: close(2) has closed its descriptor when it says that it has, and what was opened can be read. */
const sure = new Set<Word>([syscallNumber("close"), syscallNumber("read")]);

const made: string[] = [];
let hasFailed = false;
/** Whether the last call failed here. */
let justFailed = false;

Error.stackTraceLimit = 40;

/** The functions that led here, from the one that makes system calls outwards: `257 openat@63:12 < readText@…`. */
function place(call: Word | string): string {
  const frames = [...String(new Error().stack).matchAll(/at (?:async )?(\S+).*?:(\d+:\d+)\)?$/gm)];
  return [String(call), ...frames.slice(3).map(([, name, at]) => `${name}@${at}`)].join(" < ");
}

function fails(call: Word | string): boolean {
  const name = place(call);
  made.push(name);
  justFailed = !hasFailed && name === TSRUN_FAILS;
  hasFailed ||= justFailed;
  return justFailed;
}

export function rawSyscall(number: Word, ...args: Word[]): Word {
  if (number === exit) writeFileSync(TSRUN_CALLS, JSON.stringify(made));
  else if (!sure.has(number) && fails(number)) return -1;
  return real.rawSyscall(number, ...args);
}

export const rawPosixSpawn = (...args: Word[]): number =>
  fails("posix_spawn") ? errno : real.rawPosixSpawn(...args);

export const lastErrno = (): number => (justFailed ? errno : real.lastErrno());
