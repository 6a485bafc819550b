import { removeFile, replaceFile } from "../kernel/files.ts";
import type { Undo } from "./undo.ts";

/**
 * Writes `--pid-file`: digits only, since containerd reads the whole file as a number, and whole at once, since some
 * callers wait for it to appear.
 */
export function writePidFile(path: string, pid: number, undo: Undo): void {
  replaceFile(path, String(pid), 0o644);
  undo.add(() => removeFile(path));
}
