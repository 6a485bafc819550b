import { readTextIfThere } from "../../kernel/files.ts";
import type { Answer } from "./service.ts";

/**
 * Why criu(8) refused, in its own words: the first error that its log has, or that it printed before it had one.
 * Undefined when it did what it was asked for.
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
  // What one of its helpers printed comes without these, and that a helper failed is no reason yet.
  const lines = [...text.matchAll(/Error \((?!criu\/util\.c)[^)]*\): (.*)$/gm)];
  return lines[0]?.[1]?.trim();
}
