/**
 * Names in archives are bytes, which need not be UTF-8. Here they are strings with a character for each byte (latin1), so
 * that they can be taken apart as text; what is not ASCII becomes bytes again for the kernel.
 */
import type { Path } from "../kernel/calls.ts";
import { UserError } from "../kernel/user-error.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\x01-\x7f]*$/;

/** A name as system calls take it. */
export function pathOf(name: string): Path {
  return ASCII.test(name) ? name : Buffer.from(`${name}\0`, "latin1");
}

export const latin1 = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");

/** A name as people read it. */
export function shown(name: string): string {
  return ASCII.test(name) ? name : Buffer.from(name, "latin1").toString("utf8");
}

/** limits.h, without the NUL byte at the end. */
const [PATH_MAX, NAME_MAX] = [4095, 255];

/** A path in an archive as its names: "./" and "/" at the beginning mean the archive's root. @throws UserError for ".." */
export function namesIn(path: string): readonly string[] {
  if (path.length > PATH_MAX) throw tooLong("path", path, PATH_MAX);
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  for (const name of names) {
    if (name === "..") throw new UserError('has ".." in its path');
    if (name.length > NAME_MAX) throw tooLong("name", name, NAME_MAX);
  }
  return names;
}

const tooLong = (what: string, { length }: string, most: number) =>
  new UserError(`has a ${what} of ${length} bytes; the limit is ${most} (ENAMETOOLONG)`);
