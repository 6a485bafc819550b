/** The value kinds that several parts of the spec share (`defs.json` in the spec's schema). */

import { INT64_MAX, INT64_MIN, UINT64_MAX } from "./int64.ts";
import { array, type Infer, integer, object, required, string, stringThat, wideInteger } from "./schema.ts";

export const Int32 = integer(-(2 ** 31), 2 ** 31 - 1);
export const Uint16 = integer(0, 2 ** 16 - 1);
export const Uint32 = integer(0, 2 ** 32 - 1);
/** Of a user or group. 2^32-1 is none: setresuid(2) takes it for "as it is", and the process would stay root. */
export const LARGEST_ID = 2 ** 32 - 2;
export const Id = integer(0, LARGEST_ID);
export const Int64 = wideInteger(INT64_MIN, INT64_MAX);
export const Uint64 = wideInteger(0, UINT64_MAX);
export const Strings = array(string);

export function notEmpty(text: string): string | undefined {
  return text === "" ? "must not be empty" : undefined;
}
export const NotEmpty = stringThat(notEmpty);

export const AbsolutePath = stringThat((path) => (path.startsWith("/") ? undefined : "must be absolute"));

export const Env = array(
  stringThat((entry) => (entry.indexOf("=") > 0 ? undefined : 'must have the form "NAME=value"')),
);

/** Maps `size` ids from `containerID` on to the host's from `hostID` on. */
export const IdMapping = object({
  containerID: required(Uint32),
  hostID: required(Uint32),
  size: required(integer(1, 2 ** 32 - 1)),
});
export type IdMapping = Infer<typeof IdMapping>;

/** CPU or memory node numbers as the kernel's bitmap_parselist takes them: `0-3,7`, `0-31:2/4`. */
export const NumberList = stringThat((list) => {
  const wrong = list.split(",").some((part) => !isNumberRange(part.trim()));
  return wrong ? 'must be a list of numbers and ranges like "0-3,7"' : undefined;
});

function isNumberRange(text: string): boolean {
  const range = /^(\d+)(?:-(\d+)(?::\d+\/\d+)?)?$/.exec(text);
  return range !== null && (range[2] === undefined || Number(range[1]) <= Number(range[2]));
}

/** A network interface's name: at most 15 bytes (IFNAMSIZ with its NUL), nothing that sysfs could not show. */
export function interfaceNameComplaint(name: string): string | undefined {
  if (name === "" || name === "." || name === "..") return "is not a network interface name";
  if (/[/:\s]/.test(name)) return "must not contain slashes, colons or white space";
  if (new TextEncoder().encode(name).length > 15) return "must not be longer than 15 bytes";
  return undefined;
}
