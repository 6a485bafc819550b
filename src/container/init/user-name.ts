import { readTextIfThere } from "../../kernel/files.ts";

/** A user's name on the host; the number when /etc/passwd has none. For root the file is not read. */
export function userName(uid: number): string {
  if (uid === 0) return "root";
  const lines = readTextIfThere("/etc/passwd")?.split("\n") ?? [];
  return lines.find((line) => line.split(":")[2] === String(uid))?.split(":")[0] ?? String(uid);
}
