import { SyscallError } from "../kernel/call.ts";
import { exitGroup } from "../kernel/calls.ts";
import { ERRNO } from "../kernel/errno.ts";
import { isErrno, writeAll } from "../kernel/files.ts";
import { here } from "../kernel/here.ts";

/** The exit status of a program that SIGPIPE ends, as shells tell it. */
const BROKEN_PIPE = 128 + 13;

/**
 * Prints text to standard output; process.stdout would cost 12 ms of start-up. Where nobody reads it any more, as with
 * `| head`, tsrun ends without a word, as SIGPIPE ends other programs: Bun ignores that.
 */
export function print(text: string): void {
  try {
    writeAll(1, text);
  } catch (error) {
    if (!isErrno(error, ERRNO.EPIPE)) throw error;
    here(exitGroup(BROKEN_PIPE));
  }
}

/** Prints a line for people to standard error; that it has no room or no reader changes nothing of what is done. */
export function complain(text: string): void {
  try {
    writeAll(2, `${text}\n`);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
  }
}

/** Left-aligned columns with two spaces between them, as Go's tabwriter makes them for runc. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, i) => Math.max(most[i] ?? 0, cell.length)),
    [],
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(Math.max(12, (widths[i] ?? 0) + 3))))
      .join("");
  return rows.map((row) => `${line(row)}\n`).join("");
}
