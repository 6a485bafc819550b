/** JSON of other programs, perhaps of other users: read without waiting, and taken for what it is alone. */
import { readJson } from "../../../runtime-spec/json.ts";
import { SyscallError } from "../../kernel/call.ts";
import { close, openat } from "../../kernel/calls.ts";
import { AT_EMPTY_PATH, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, S_IFMT, S_IFREG } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { readAll, status } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";

export type Parsed = { readonly [name: string]: unknown };

/** The largest file that is read: states and configurations have a few dozen kilobytes. */
const MOST_BYTES = 8 * 2 ** 20;

/** The JSON object in a file; null when there is no such file. @throws UserError, SyscallError */
export function readParsed(path: string, directory: number): Parsed | null {
  // O_NONBLOCK: whatever a user has put there, opening it does not wait.
  const call = openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const fd = attempt(call);
  if (fd === -ERRNO.ENOENT || fd === -ERRNO.ENOTDIR) return null;
  if (fd < 0) throw new SyscallError(call, -fd);
  try {
    if ((status("", AT_EMPTY_PATH, fd).mode & S_IFMT) !== S_IFREG)
      throw new UserError(`${path} is not a file`);
    return objectIn(path, new TextDecoder().decode(readAll(fd, MOST_BYTES)));
  } finally {
    here(close(fd));
  }
}

function objectIn(path: string, content: string): Parsed {
  try {
    const value = readJson(content);
    if (isObject(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new UserError(`${path} is damaged: it holds no JSON object`); // its content is not for every reader
}

const isObject = (value: unknown): value is Parsed =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const objectAt = (parsed: Parsed, name: string): Parsed => {
  const value = parsed[name];
  return isObject(value) ? value : {};
};

export const textAt = (parsed: Parsed, name: string): string => {
  const value = parsed[name];
  return typeof value === "string" ? value : "";
};

/** A number such as a pid; 0 when it is something else. */
export const numberAt = (parsed: Parsed, name: string): number => {
  const value = parsed[name];
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
};

const listAt = (parsed: Parsed, name: string): readonly unknown[] => {
  const value = parsed[name];
  return Array.isArray(value) ? value : [];
};

export const textsAt = (parsed: Parsed, name: string): readonly string[] =>
  listAt(parsed, name).filter((one) => typeof one === "string");

export const objectsAt = (parsed: Parsed, name: string): readonly Parsed[] =>
  listAt(parsed, name).filter(isObject);
