import { SyscallError } from "../../kernel/call.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { isErrno } from "../../kernel/files.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { Session } from "../session/session.ts";

/** Nobody reads standard output any more. */
export class BrokenPipe extends Error {}

/**
 * Prints text to standard output. When nobody reads any more, as with `| head`, the command ends silently, as other
 * programs do by SIGPIPE, which Bun ignores. @throws BrokenPipe, UserError
 */
export function print(session: Session, text: string | Uint8Array): void {
  try {
    session.write(1, text);
  } catch (error) {
    if (isErrno(error, ERRNO.EPIPE)) throw new BrokenPipe();
    if (!(error instanceof SyscallError)) throw error;
    throw new UserError("standard output", `cannot be written: ${errnoWords(error.errno)}`);
  }
}

/** Prints a line for people to standard error. It is not an error if that fails. */
export const complain = (session: Session, text: string): void => show(session, `${text}\n`);

/** The same of a text that is no line, such as a bar. */
export function show(session: Session, text: string): void {
  try {
    session.write(2, text);
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
