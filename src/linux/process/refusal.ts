/** Why execve(2) has refused a program. Loaded only when it has. */
import { ERRNO, errnoName, errnoText } from "../../kernel/errno.ts";
import type { Annotations } from "../landlock/annotation.ts";
import { LANDLOCK_ANNOTATION } from "../landlock/confinement.ts";
import { whyRefused } from "../landlock/refusal.ts";
import { isThere, missingInterpreter } from "./interpreter.ts";
import { whyNoFormat } from "./program-format.ts";

const SOMETHING_MISSING =
  "the file is there, but not what runs it: a script's interpreter, or the loader of a program that isn't static";

/** In words, for `path` and a process of a container with such annotations, which is still alive. */
export function refusalWords(errno: number, annotations: Annotations, pid: number, path: string): string {
  const words = `${errnoText(errno)} (execve: ${errnoName(errno)})`; // "exec PATH: no such file or directory" is runc's
  if (errno === ERRNO.ENOEXEC) {
    const why = whyNoFormat(pid, path);
    return why === null ? words : `${words}; ${why}`;
  }
  if (errno === ERRNO.ENOENT && isThere(pid, path))
    return `${words}; ${missingInterpreter(pid, path) ?? SOMETHING_MISSING}`;
  const policy = annotations?.[LANDLOCK_ANNOTATION];
  return errno === ERRNO.EACCES && policy !== undefined ? words + whyRefused(policy, pid, path) : words;
}
