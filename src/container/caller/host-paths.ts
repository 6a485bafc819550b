import { readLink } from "../../kernel/files.ts";
import { isAbsolute, join } from "../../linux/paths.ts";

/** Absolute path of a path given by the caller. */
export function fromCaller(path: string): string {
  return isAbsolute(path) ? join(path) : join(readLink("/proc/self/cwd"), path);
}
