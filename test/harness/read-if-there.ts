import { readFileSync } from "node:fs";

/** A file's text; none where it is not there yet, or any more, such as that of a process which has just ended. */
export function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // readFileSync throws nothing else
    if (code === "ENOENT" || code === "ESRCH") return "";
    throw error;
  }
}
