import { readTextIfThere } from "../../kernel/files.ts";
import type { Answer } from "./service.ts";

/**
 * Why criu(8) failed, in its own words: the first error in its log, or what it printed before it had a log. Undefined
 * if it succeeded.
 */
export function complaintOf({ response, printed }: Answer, log: string): string | undefined {
  if (response?.success) return undefined;
  const text = readTextIfThere(log);
  const words = firstError(text ?? "") ?? firstError(printed) ?? response?.errorMessage;
  const place = text === null ? "`criu check` may tell more" : `see ${log}`;
  return `criu: ${words ?? "it ended without a word"}; ${place}`;
}

/** The first of lines such as `(00.170519) Error (criu/files-reg.c:1710): Can't lookup mount=37 for fd=0`. */
function firstError(text: string): string | undefined {
  // Output of criu's helpers has no such prefix, and that a helper failed does not explain why.
  const lines = [...text.matchAll(/Error \((?!criu\/util\.c)[^)]*\): (.*)$/gm)];
  return lines[0]?.[1]?.trim();
}
