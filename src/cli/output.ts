import { SyscallError } from "../kernel/call.ts";
import { exitGroup } from "../kernel/calls.ts";
import { SIGPIPE } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { isErrno, writeAll } from "../kernel/files.ts";
import { here } from "../kernel/here.ts";
import { EXIT } from "../kernel/user-error.ts";

/** The exit status of a program that SIGPIPE ended, as in shells. */
const BROKEN_PIPE = EXIT.bySignal + SIGPIPE;

/**
 * Prints text to standard output; process.stdout would cost 12 ms of start-up. When nobody reads any more, as with `|
 * head`, tsrun ends silently, as other programs do by SIGPIPE, which Bun ignores.
 */
export function print(text: string): void {
  try {
    writeAll(1, text);
  } catch (error) {
    if (!isErrno(error, ERRNO.EPIPE)) throw error;
    here(exitGroup(BROKEN_PIPE));
  }
}

/** Prints a line for people to standard error. It is not an error if that fails. */
export function complain(text: string): void {
  try {
    writeAll(2, `${text}\n`);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
  }
}

const PADDING = 3;
/** The least width of a column, with its padding. */
const MIN_WIDTH = 12;

/** Left-aligned columns with three spaces between them, as Go's tabwriter makes them for runc. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, { length }] of row.entries()) {
      if (length + PADDING > (widths[i] ?? MIN_WIDTH)) widths[i] = length + PADDING;
    }
  }
  let text = "";
  for (const row of rows) {
    for (const [i, cell] of row.entries())
      text += i === row.length - 1 ? `${cell}\n` : cell.padEnd(widths[i] ?? MIN_WIDTH);
  }
  return text;
}
