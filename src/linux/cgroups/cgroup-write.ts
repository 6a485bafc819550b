import { type Integer, isUnlimited } from "../../../runtime-spec/int64.ts";

/** One write(2) to a file of the container's cgroup. */
export interface CgroupWrite {
  readonly file: string;
  readonly value: string;
  /** The property that asks for it: `linux.resources.memory.limit`. */
  readonly where: string;
  /** Whether a new cgroup has this value anyway, so that nothing is lost where the controller is missing. */
  readonly isDefault?: true;
  /** Errnos that are tolerated. */
  readonly tolerate?: readonly number[];
  /** What to write where the kernel has no such file. */
  readonly otherwise?: { readonly file: string; readonly value: string };
  /** The write is refused if the number in that file has reached this one (memory.checkBeforeUpdate). */
  readonly mustExceed?: { readonly file: string; readonly than: Integer };
}

/** Something in the resources that is left out, and why. */
export interface Note {
  readonly where: string;
  readonly message: string;
}

/** The JSON path that `resources` has in config.json. */
export const RESOURCES = "linux.resources";

/** A limit as cgroup v2 files take it; -1 and the largest numbers mean none. */
export function limitText(value: Integer): string {
  return value < 0 || isUnlimited(value) ? "max" : String(value);
}

/** A write of a limit; an unlimited value is what a new cgroup has. */
export function limit(file: string, value: Integer, where: string): CgroupWrite {
  const text = limitText(value);
  return text === "max" ? { file, value: text, where, isDefault: true } : { file, value: text, where };
}
