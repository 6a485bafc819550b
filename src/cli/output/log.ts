import { fromCaller } from "../../container/caller/caller.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_APPEND, O_CREAT, O_WRONLY } from "../../kernel/constants.ts";
import { errnoWords } from "../../kernel/errno.ts";
import { writeAll } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { Globals } from "../grammar/table.ts";
import type { Session } from "../session/session.ts";
import { complain } from "./output.ts";

type Level = "debug" | "warning" | "error";

/**
 * Writes to the log that `--log` names, in the format that containerd's shim and podman read. Without `--log`
 * debug lines and warnings go to standard error, errors nowhere: they are reported there anyway.
 */
export function log(session: Session, globals: Globals, level: Level, message: string): void {
  const { log: file, logFormat, debug } = globals;
  if (level === "debug" && !debug) return;
  if (file === undefined) {
    const text = level === "warning" ? `tsrun: warning: ${oneLine(message)}` : message;
    if (level !== "error") complain(session, forStderr(logFormat, level, message, text));
    return;
  }
  const fd = openLog(session, file);
  try {
    writeAll(fd, formatLine(logFormat, level, message, new Date()));
  } catch (error) {
    throw unwritable(file, error);
  } finally {
    here(close(fd));
  }
}

/**
 * A message as one line of text, whatever names it contains: characters that would break the line, move a terminal's
 * cursor or reverse the direction of writing are escaped as in JSON.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (character) => {
    const [, escaped = ""] = /^"(\\.+)"$/.exec(JSON.stringify(character)) ?? [];
    return escaped || `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** JSON that means the same, and in which a terminal finds nothing to obey: JSON itself leaves U+009B as it is. */
export const plainJson = (json: string): string => json.split("\n").map(oneLine).join("\n");

/** Refuses a log that cannot be written, before anything is done that belongs in it. @throws UserError */
export function requireLog(session: Session, { log: file }: Globals): void {
  if (file !== undefined) here(close(openLog(session, file)));
}

function openLog({ caller }: Session, file: string): number {
  try {
    const mode = 0o644 & ~caller.umask;
    return here(openat(CWD, fromCaller(caller, file), O_WRONLY | O_CREAT | O_APPEND, mode));
  } catch (error) {
    throw unwritable(file, error);
  }
}

/** A failed system call on the log as an error that names it; others as they are. */
function unwritable(file: string, error: unknown): unknown {
  if (!(error instanceof SyscallError)) return error;
  return new UserError(`--log ${file}`, `cannot be written: ${errnoWords(error.errno)}`);
}

/**
 * Reports something doubtful in a configuration. Without `--log` it is shown only at a terminal: the same configuration
 * is used again and again, and callers take what a successful command prints for the container's output.
 */
export function doubt(session: Session, globals: Globals, message: string): void {
  if (globals.log !== undefined || session.complainsToTerminal) log(session, globals, "warning", message);
}

export function warnings(session: Session, globals: Globals): (message: string) => void {
  return (message) => log(session, globals, "warning", message);
}

/** One line as logrus, runc's logger, would write it. */
function formatLine(format: Globals["logFormat"], level: Level, message: string, date: Date): string {
  const time = date.toISOString();
  return format === "json"
    ? `${JSON.stringify({ level, msg: message, time })}\n`
    : `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(message)}\n`;
}

/** What to print on standard error: `text`, or JSON if the caller asked for JSON and named no log file. */
export function forStderr(format: Globals["logFormat"], level: Level, message: string, text: string): string {
  return format === "json" ? formatLine(format, level, message, new Date()).trimEnd() : text;
}
